#include "catalog/reference.h"

#include <algorithm>

namespace sluice::catalog {
namespace {

std::string code(std::string_view text) { return "`" + std::string(text) + "`"; }

std::string joined(const std::vector<std::string>& words, std::string_view between = ", ") {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : between).append(word);
  return text;
}

std::string link(std::string_view folder, std::string_view file, std::string_view text) {
  return "[" + std::string(text) + "](../../data/" + std::string(folder) + "/" + std::string(file) + ".yaml)";
}

bool at_its_maker(const Catalog& catalog, const Model& model) {
  const auto provider = std::ranges::find(catalog.providers, model.provider, &Provider::id);
  return provider != catalog.providers.end() && provider->display_name.starts_with(model.developer);
}

bool is_cloud(const Provider& provider) {
  return provider.auth == AuthKind::aws_sigv4 || provider.auth == AuthKind::google_service_account ||
         provider.auth == AuthKind::api_key;
}

// How its key is taken from the environment.
std::string keys_of(const Provider& provider) {
  switch (provider.auth) {
    case AuthKind::aws_sigv4: return "`AWS_BEARER_TOKEN_BEDROCK`, or `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`";
    case AuthKind::google_service_account: return "`GOOGLE_APPLICATION_CREDENTIALS`";
    default: break;
  }
  std::vector<std::string> names;
  for (const auto* list : {&provider.key_env, &provider.bearer_env})
    for (const std::string& name : *list) names.push_back(code(name));
  return names.empty() ? "none" : joined(names, " or ");
}

std::string place_of(const Provider& provider) {
  if (provider.engine) return "started by Sluice";
  std::vector<std::string> places;
  for (const std::string& text : provider.base_url_from) places.push_back(code(text));
  if (!provider.base_url.host_header.empty())
    places.push_back(code((provider.base_url.endpoint.tls ? "https://" : "http://") + provider.base_url.host_header +
                          provider.base_url.path_prefix));
  return joined(places, ", else ");
}

std::string particulars_of(const Provider& provider) {
  const Quirks& quirks = provider.quirks;
  std::vector<std::string> words;
  if (quirks.stream_usage == StreamUsage::automatic) words.push_back("reports usage in streams unasked");
  if (quirks.max_tokens_field == MaxTokensField::max_completion_tokens) words.push_back("`max_completion_tokens`");
  if (quirks.prefill == Prefill::continued) words.push_back("continues a last message of the assistant");
  if (quirks.leading_system) words.push_back("system messages before all others only");
  if (quirks.stores_responses) words.push_back("keeps responses");
  if (quirks.official_openai) words.push_back("Responses for tools where the model thinks");
  if (!quirks.service_tiers.empty()) words.push_back("service tiers: " + joined(quirks.service_tiers));
  if (quirks.vertex) words.push_back("the model stands in the path");
  if (!provider.forwarded.empty())
    words.push_back("hands models that end in `" + provider.forwarded[0] + "` to its cloud");
  if (!provider.default_model.empty()) words.push_back("in `auto`: `" + provider.default_model + "`");
  return joined(words, "; ");
}

std::string regions_of(const Catalog& catalog, const Provider& provider) {
  std::vector<std::string> regions;
  for (const Model& model : catalog.models)
    if (model.provider == provider.id && !model.region.empty() &&
        std::ranges::find(regions, model.region) == regions.end())
      regions.push_back(model.region);
  std::ranges::sort(regions);
  return regions.empty() ? "" : "models by region: " + joined(regions);
}

void provider_table(std::string& out, const Catalog& catalog, const char* title, bool (*belongs)(const Provider&)) {
  std::vector<const Provider*> chosen;
  for (const Provider& provider : catalog.providers)
    if (belongs(provider)) chosen.push_back(&provider);
  out.append("## ")
      .append(title)
      .append(" (")
      .append(std::to_string(chosen.size()))
      .append(
          ")\n\n| name | vendor | speaks | ground | key | base URL | particulars | models "
          "|\n|---|---|---|---|---|---|---|---:|\n");
  for (const Provider* provider : chosen) {
    std::vector<std::string> dialects{std::string(chat::name(provider->dialect))};
    for (const chat::DialectId also : provider->also) dialects.emplace_back(chat::name(also));
    std::vector<std::string> words{particulars_of(*provider), regions_of(catalog, *provider)};
    std::erase(words, "");
    const auto models = std::ranges::count(catalog.models, provider->id, &Model::provider);
    const std::string& id = provider->id.str();
    out.append("| ").append(link("providers", id, id)).append(" | [").append(provider->display_name).append("](");
    out.append(provider->docs).append(") | ").append(joined(dialects)).append(" | ").append(name(provider->ground));
    out.append(" | ").append(keys_of(*provider)).append(" | ").append(place_of(*provider)).append(" | ");
    out.append(joined(words, "; ")).append(" | ");
    out.append(models > 0 ? link("models", id, std::to_string(models)) : "0").append(" |\n");
  }
  out.append("\n");
}

// What it costs where its maker sells it, else at the cheapest host.
std::string price_text(const Catalog& catalog, const PriceBook& book, std::string_view id, Date when) {
  std::string text;
  std::int64_t least = 0;
  for (const Model& model : catalog.models) {
    if (model.id != id) continue;
    const Quote quote = book.quote(model.provider, model.name, when);
    if (!quote.priced() || quote.fact()->kind != PriceKind::metered) continue;
    const Rates& rates = quote.rates(0);
    const std::int64_t sum = rates[Unit::input] + rates[Unit::output];
    const bool maker = at_its_maker(catalog, model);
    if (!text.empty() && !maker && sum >= least) continue;
    least = sum;
    text = Money::pico(rates[Unit::input] * 1'000'000).usd() + " / " +
           Money::pico(rates[Unit::output] * 1'000'000).usd() + " at " + model.provider.str();
    if (maker) break;
  }
  return text.empty() ? "unpriced" : text;
}

std::string source_link(std::string_view source) {
  const std::size_t end = source.find_first_of(" ,");
  const std::string_view url = source.substr(0, end);
  if (!url.starts_with("http")) return std::string(source);
  const std::string_view host = url.substr(url.find("//") + 2);
  return "[" + std::string(host.substr(0, host.find('/'))) + "](" + std::string(url) + ")";
}

void model_row(std::string& out, const Catalog& catalog, const PriceBook& book, std::string_view id, Date when) {
  // The widest context that a provider has, and of the other facts what stands at the maker, or else the first.
  Model known{.provider = {}, .name = {}};
  std::vector<std::string> tests;
  std::size_t hosts = 0;
  for (const Model& model : catalog.models) {
    if (model.id != id) continue;
    ++hosts;
    known.context = std::max(known.context, model.context);
    known.max_output = std::max(known.max_output, model.max_output);
    if (known.developer.empty()) known.developer = model.developer;
    if (known.licence.empty() || known.licence == "not stated") known.licence = model.licence;
    const bool maker = at_its_maker(catalog, model);
    if (known.released.empty() || (maker && !model.released.empty())) known.released = model.released;
    if (maker && model.retires) known.retires = model.retires;
    if (tests.empty())
      for (const Benchmark& benchmark : model.benchmarks)
        tests.push_back(benchmark.metric + " " + benchmark.value + " (" + source_link(benchmark.source) + ")");
  }
  out.append("| ").append(code(id)).append(" | ").append(known.developer).append(" | ").append(known.licence);
  out.append(" | ").append(std::to_string(known.context)).append(" / ").append(std::to_string(known.max_output));
  out.append(" | ").append(known.released).append(" | ");
  out.append(known.retires ? date_text(known.retires->day) : "not announced").append(" | ");
  out.append(joined(tests, "; ")).append(" | ").append(price_text(catalog, book, id, when)).append(" | ");
  out.append(std::to_string(hosts)).append(" |\n");
}

std::string term_text(const LicenceTerm& term) {
  std::string text(name(term.kind));
  std::ranges::replace(text, '_', ' ');
  if (term.limit > 0) text += " " + std::to_string(term.limit);
  return term.text.empty() ? text : text + ": " + term.text;
}

}  // namespace

std::string providers_page(const Catalog& catalog) {
  std::string out =
      "# Providers\n\n"
      "Made from `data/providers` and `data/models` (`GOLDEN_UPDATE=1 ./dev test catalog` writes it anew). A vendor is "
      "on when one of its key's\n"
      "variables is set, an engine when the configuration names it; `NAME/model` calls it, also with a model that is "
      "not listed. Another one:\n"
      "[add a provider](../guides/add-a-provider.md).\n\n";
  provider_table(out, catalog, "Vendors", [](const Provider& provider) {
    return provider.ground != Ground::self_hosted && !is_cloud(provider);
  });
  provider_table(out, catalog, "Clouds", [](const Provider& provider) { return is_cloud(provider); });
  provider_table(out, catalog, "Engines of one's own",
                 [](const Provider& provider) { return provider.ground == Ground::self_hosted; });
  out.pop_back();
  return out;
}

std::string models_page(const Catalog& catalog, Date when) {
  const PriceBook book(catalog.prices);
  std::string out =
      "# Models\n\n"
      "Made from `data/` (`GOLDEN_UPDATE=1 ./dev test catalog` writes it anew). `sluice models --all` has every model "
      "of "
      "every provider, with\n"
      "`-o json` all that is known of each. Results of different tests are never compared: each is one source's "
      "word.\n\n"
      "## The models that are asked for most\n\n"
      "Context and longest answer in tokens, the widest that a provider has; USD per million tokens in and out on " +
      date_text(when) +
      ", at the\nmaker's own API or else at the cheapest host.\n\n"
      "| model | maker | licence | context / output | released | retires at its maker | results | price | providers |\n"
      "|---|---|---|---|---|---|---|---|---:|\n";
  for (const std::string_view id : essential_models) model_row(out, catalog, book, id, when);
  out.append(
      "\n## Licences\n\nTerms that a rule can look at, as the text says them. Whoever relies on one reads the text.\n\n"
      "| licence | text | terms | models |\n|---|---|---|---:|\n");
  for (const Licence& licence : catalog.licences) {
    std::vector<std::string> terms;
    for (const LicenceTerm& term : licence.terms) terms.push_back(term_text(term));
    if (!licence.note.empty()) terms.push_back(licence.note);
    const auto models = std::ranges::count(catalog.models, licence.id, &Model::licence);
    out.append("| ").append(licence.id).append(" | ");
    out.append(licence.url.empty() ? licence.name : "[" + licence.name + "](" + licence.url + ")").append(" | ");
    out.append(joined(terms, "; ")).append(" | ").append(std::to_string(models)).append(" |\n");
  }
  return out;
}

}  // namespace sluice::catalog
