#include "catalog/catalog.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include "base/crypto.h"
#include "catalog/read_price.h"
#include "catalog/takes_by_name.h"
#include "yaml/fields.h"

namespace sluice::catalog {
namespace {

using yaml::Fields;
using yaml::Node;
using yaml::Report;

// "providers/groq.yaml" -> "groq"
std::string stem(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  std::string name(path.substr(slash == std::string_view::npos ? 0 : slash + 1));
  return name.substr(0, name.rfind('.'));
}

template <class T>
std::optional<T> one_of(Fields& fields, const Node& node, const char* name, std::optional<T> (*parse)(std::string_view),
                        const char* choices, const Report& report) {
  const auto text = fields.text(name);
  if (!text) return std::nullopt;
  if (auto value = parse(*text)) return value;
  const yaml::Member* member = node.find(name);
  report.error(member->value, "`" + std::string(name) + "` cannot be `" + *text + "`", std::string("use ") + choices);
  return std::nullopt;
}

constexpr const char* effort_choices = "none, minimal, low, medium, high, xhigh or max";

std::optional<AuthKind> auth_from_name(std::string_view text) {
  for (const AuthKind kind : all_auth_kinds)
    if (name(kind) == text) return kind;
  return std::nullopt;
}
std::optional<StreamUsage> stream_usage_from_name(std::string_view text) {
  if (text == "option") return StreamUsage::option;
  if (text == "automatic") return StreamUsage::automatic;
  return std::nullopt;
}
std::optional<MaxTokensField> max_tokens_from_name(std::string_view text) {
  if (text == "max_tokens") return MaxTokensField::max_tokens;
  if (text == "max_completion_tokens") return MaxTokensField::max_completion_tokens;
  return std::nullopt;
}
std::optional<chat::Sampling> sampling_from_name(std::string_view text) {
  if (text == "without_effort") return chat::Sampling::without_effort;
  if (text == "refused") return chat::Sampling::refused;
  return std::nullopt;
}
std::optional<ModelKind> kind_from_name(std::string_view text) {
  if (text == "chat") return ModelKind::chat;
  if (text == "embedding") return ModelKind::embedding;
  return std::nullopt;
}
std::optional<chat::DialectId> dialect(std::string_view text) {
  const auto id = chat::dialect_from_name(text);
  return id && chat::is_chat(*id) ? id : std::nullopt;
}
// Counting and compaction are the calls beside its conversations that an API of two dialects may have in the second.
std::optional<chat::DialectId> also_dialect(std::string_view text) {
  const auto id = chat::dialect_from_name(text);
  return id && (chat::is_chat(*id) || chat::counts_tokens(*id) || *id == chat::DialectId::openai_compact)
             ? id
             : std::nullopt;
}
std::optional<Ground> ground(std::string_view text) { return ground_from_name(text); }

Provider read_provider(const std::string& id, const Node& node, const Report& report) {
  Fields fields(node, "the provider `" + id + "`", report);
  Provider provider{.id = ProviderId(id), .display_name = fields.required_text("name")};
  provider.dialect = one_of(fields, node, "dialect", dialect,
                            "openai_chat, openai_responses, anthropic_messages, gemini or bedrock_converse", report)
                         .value_or(provider.dialect);
  provider.forwarded = fields.texts("forwarded");
  for (const std::string& text : fields.texts("also")) {
    if (const auto also = also_dialect(text))
      provider.also.push_back(*also);
    else
      report.error(node, "the provider `" + id + "` has no such dialect: `" + text + "`");
  }
  provider.ground = one_of(fields, node, "ground", ground, "self_hosted, hosted_open or proprietary", report)
                        .value_or(provider.ground);
  provider.auth =
      one_of(fields, node, "auth", auth_from_name,
             "bearer, x_api_key, x_goog_api_key, api_key, aws_sigv4, google_service_account or none", report)
          .value_or(provider.auth);
  provider.quirks.stream_usage =
      one_of(fields, node, "stream_usage", stream_usage_from_name, "option or automatic", report)
          .value_or(provider.quirks.stream_usage);
  provider.quirks.max_tokens_field =
      one_of(fields, node, "max_tokens_field", max_tokens_from_name, "max_tokens or max_completion_tokens", report)
          .value_or(provider.quirks.max_tokens_field);
  if (fields.boolean("continues_prefill").value_or(false)) provider.quirks.prefill = Prefill::continued;
  provider.quirks.leading_system = fields.boolean("leading_system").value_or(false);
  provider.engine = fields.boolean("engine").value_or(false);
  provider.quirks.stores_responses = fields.boolean("stores_responses").value_or(false);
  provider.quirks.official_openai = fields.boolean("official_openai").value_or(false);
  provider.quirks.vertex = fields.boolean("vertex").value_or(false);
  provider.quirks.service_tiers = fields.texts("service_tiers");
  provider.key_env = fields.texts("key_env");
  provider.bearer_env = fields.texts("bearer_env");
  provider.base_url_from = fields.texts("base_url_from");
  provider.default_model = fields.text("default_model").value_or("");
  provider.docs = fields.text("docs").value_or("");
  if (const auto url = fields.text("base_url")) {
    if (auto parsed = parse_base_url(*url))
      provider.base_url = *std::move(parsed);
    else
      report.error(node.find("base_url")->value, parsed.error().message, parsed.error().hint);
  } else if (!provider.engine && provider.base_url_from.empty() && node.is_map()) {
    report.error(node, "the provider `" + id + "` has no `base_url`", "add `base_url: https://...`");
  }
  if (const yaml::Member* headers = fields.take("headers"))
    for (const yaml::Member& header : headers->value.members)
      provider.extra_headers.emplace_back(header.key, header.value.text);
  fields.refuse_others();
  return provider;
}

std::optional<Date> read_day(Fields& fields, const Node& node, const char* name, const Report& report) {
  const auto text = fields.text(name);
  if (!text) return std::nullopt;
  const auto day = parse_date(*text);
  if (!day) report.error(node.find(name)->value, "`" + *text + "` is no date", "write YYYY-MM-DD");
  return day;
}

std::optional<Retirement> read_retirement(Fields& of, const Report& report) {
  const yaml::Member* member = of.take("retires");
  if (!member) return std::nullopt;
  Fields fields(member->value, "a retirement", report);
  Retirement retirement;
  fields.required_text("day");
  retirement.day = read_day(fields, member->value, "day", report).value_or(Date());
  retirement.earliest = fields.boolean("earliest").value_or(false);
  retirement.successor = fields.text("successor").value_or("");
  retirement.source = fields.required_text("source");
  fields.refuse_others();
  return retirement;
}

std::vector<Benchmark> read_benchmarks(Fields& of, const Report& report) {
  std::vector<Benchmark> benchmarks;
  const yaml::Member* list = of.take("benchmarks");
  if (!list) return benchmarks;
  for (const Node& item : list->value.items) {
    Fields fields(item, "a benchmark", report);
    benchmarks.push_back({.metric = fields.required_text("metric"),
                          .value = fields.required_text("value"),
                          .source = fields.required_text("source")});
    fields.refuse_others();
  }
  return benchmarks;
}

chat::Takes read_takes(Fields& fields, const Node& item, const Report& report) {
  chat::Takes takes;
  takes.sampling = one_of(fields, item, "sampling", sampling_from_name, "without_effort or refused", report)
                       .value_or(takes.sampling);
  for (const std::string& text : fields.texts("efforts")) {
    if (const auto effort = chat::effort_from_name(text))
      takes.efforts.add(*effort);
    else
      report.error(item.find("efforts")->value, "there is no effort `" + text + "`", effort_choices);
  }
  takes.unasked = one_of(fields, item, "unasked_effort", chat::effort_from_name, effort_choices, report);
  takes.chat_tools_without_effort = fields.boolean("chat_tools_without_effort").value_or(false);
  takes.system_within = fields.boolean("system_within").value_or(false);
  return takes;
}

void read_models(const std::string& provider_id, const Node& node, const Report& report, std::vector<Model>& out) {
  Fields file(node, "the models of `" + provider_id + "`", report);
  const std::string source = file.required_text("source");
  const std::string observed_at = file.required_text("observed_at");
  const yaml::Member* list = file.take("models");
  file.refuse_others();
  if (!list || !list->value.is_list())
    return report.error(node, "the models of `" + provider_id + "` have no list `models`");
  for (const Node& item : list->value.items) {
    Fields fields(item, "a model of `" + provider_id + "`", report);
    Model model{.provider = ProviderId(provider_id), .name = ModelName(fields.required_text("name"))};
    model.id = fields.text("id").value_or(model.name.str());
    model.aliases = fields.texts("aliases");
    model.display_name = fields.text("display_name").value_or(model.id);
    model.developer = fields.required_text("developer");
    model.licence = fields.required_text("licence");
    model.licence_note = fields.text("licence_note").value_or("");
    model.open_weights = fields.boolean("open_weights").value_or(model.licence != "proprietary");
    model.context = fields.integer("context", 0, 100'000'000).value_or(0);
    model.max_output = fields.integer("max_output", 0, 100'000'000).value_or(0);
    model.tools = fields.boolean("tools").value_or(false);
    model.images = fields.boolean("images").value_or(false);
    model.audio = fields.boolean("audio").value_or(false);
    model.video = fields.boolean("video").value_or(false);
    model.pdf = fields.boolean("pdf").value_or(false);
    model.makes_images = fields.boolean("makes_images").value_or(false);
    model.makes_audio = fields.boolean("makes_audio").value_or(false);
    model.structured_output = fields.boolean("structured_output").value_or(false);
    model.kind = one_of(fields, item, "kind", kind_from_name, "chat or embedding", report).value_or(model.kind);
    if (const auto day = read_day(fields, item, "released", report)) model.released = date_text(*day);
    model.retires = read_retirement(fields, report);
    model.region = fields.text("region").value_or("");
    model.benchmarks = read_benchmarks(fields, report);
    model.reasoning = fields.boolean("reasoning").value_or(false);
    model.refuses_prefill = fields.boolean("refuses_prefill").value_or(false);
    model.takes = read_takes(fields, item, report);
    const auto own_ground = one_of(fields, item, "ground", ground, "self_hosted, hosted_open or proprietary", report);
    model.ground = own_ground.value_or(model.open_weights ? Ground::hosted_open : Ground::proprietary);
    model.source = fields.text("source").value_or(source);
    const auto seen = read_day(fields, item, "observed_at", report);
    model.observed_at = seen ? date_text(*seen) : observed_at;
    fields.refuse_others();
    out.push_back(std::move(model));
  }
}

std::optional<LicenceTerm::Kind> term_from_name(std::string_view text) {
  for (std::size_t i = 0; i < licence_term_names.size(); ++i)
    if (licence_term_names[i] == text) return static_cast<LicenceTerm::Kind>(i);
  return std::nullopt;
}

void read_licences(const Node& node, const Report& report, std::vector<Licence>& out) {
  Fields file(node, "the licences", report);
  const std::string observed_at = file.required_text("observed_at");
  const yaml::Member* list = file.take("licences");
  file.refuse_others();
  if (!list || !list->value.is_list()) return report.error(node, "the licences have no list `licences`");
  for (const Node& item : list->value.items) {
    Fields fields(item, "a licence", report);
    Licence licence{.id = fields.required_text("id"), .name = fields.required_text("name")};
    licence.url = fields.text("url").value_or("");
    licence.weights = fields.boolean("weights").value_or(true);
    licence.note = fields.text("note").value_or("");
    licence.source = fields.required_text("source");
    licence.observed_at = observed_at;
    if (const yaml::Member* terms = fields.take("terms"))
      for (const Node& one : terms->value.items) {
        Fields term(one, "a term of the licence `" + licence.id + "`", report);
        term.required_text("kind");
        const auto kind = one_of(term, one, "kind", term_from_name, "one that catalog/licence.h names", report);
        licence.terms.push_back({.kind = kind.value_or(LicenceTerm::Kind::notice),
                                 .limit = term.integer("limit", 1, 1'000'000'000'000).value_or(0),
                                 .text = term.text("text").value_or("")});
        term.refuse_others();
      }
    fields.refuse_others();
    out.push_back(std::move(licence));
  }
}

// What a model can do it can do at every host: a result counts for all that have the same id.
void share_benchmarks(std::vector<Model>& models) {
  std::map<std::string, std::vector<Benchmark>> by_id;
  for (const Model& model : models) {
    std::vector<Benchmark>& all = by_id[model.id];
    all.insert(all.end(), model.benchmarks.begin(), model.benchmarks.end());
  }
  for (Model& model : models) model.benchmarks = by_id[model.id];
}

// So does what it takes and refuses.
void share_manners(std::vector<Model>& models) {
  std::set<std::string> refusing;
  std::map<std::string, chat::Takes> takes;
  for (const Model& model : models) {
    if (model.refuses_prefill) refusing.insert(name_of_weights(model));
    if (model.takes != chat::Takes()) takes.try_emplace(name_of_weights(model), model.takes);
  }
  for (Model& model : models) {
    model.refuses_prefill = refusing.contains(name_of_weights(model));
    if (const auto said = takes.find(name_of_weights(model)); said != takes.end()) model.takes = said->second;
  }
}

void read_prices(const std::string& provider_id, const Node& node, const Report& report, Catalog& out) {
  Fields file(node, "the prices of `" + provider_id + "`", report);
  // What the file says counts for each price that does not say it itself.
  const std::string source = file.text("source").value_or("");
  const std::string observed_at = file.text("observed_at").value_or("");
  for (std::string& name : file.texts("unpriced"))
    out.unpriced.emplace_back(ProviderId(provider_id), ModelName(std::move(name)));
  const yaml::Member* list = file.take("prices");
  file.refuse_others();
  if (!list || !list->value.is_list())
    return report.error(node, "the prices of `" + provider_id + "` have no list `prices`");
  for (const Node& item : list->value.items) {
    Fields fields(item, "a price of `" + provider_id + "`", report);
    PriceFact fact{.provider = ProviderId(provider_id), .model = ModelName(fields.required_text("model"))};
    read_price(fields, item, report, fact);
    fields.refuse_others();
    if (fact.source.empty()) {
      fact.source = source;
      if (fact.observed_at.empty()) fact.observed_at = observed_at;
    }
    out.prices.push_back(std::move(fact));
  }
}

}  // namespace

Catalog read_catalog(const std::vector<DataFile>& files, yaml::Diagnostics& diagnostics) {
  Catalog catalog;
  std::string digests;
  for (const DataFile& file : files) {
    const auto source = std::make_shared<yaml::Source>(
        yaml::Source{.name = "data/" + std::string(file.path), .text = std::string(file.text)});
    digests += crypto::hex(crypto::sha256(file.text)) + " " + std::string(file.path) + "\n";
    const std::optional<Node> node = file.json ? yaml::from_json(source->text) : yaml::parse(source, diagnostics);
    if (!node) continue;
    const Report report{source, diagnostics};
    const std::string id = stem(file.path);
    if (file.path.starts_with("providers/"))
      catalog.providers.push_back(read_provider(id, *node, report));
    else if (file.path.starts_with("models/"))
      read_models(id, *node, report, catalog.models);
    else if (file.path.starts_with("prices/"))
      read_prices(id, *node, report, catalog);
    else if (file.path == "licences.yaml")
      read_licences(*node, report, catalog.licences);
    else if (!file.path.starts_with("plan/"))  // src/plan reads these
      report.error(*node, "there is no place for this file",
                   "data/ has providers/, models/, prices/ and plan/, and licences.yaml");
  }
  const auto known = [&](const ProviderId& id) {
    return std::ranges::find(catalog.providers, id, &Provider::id) != catalog.providers.end();
  };
  for (const Model& model : catalog.models)
    if (!known(model.provider))
      diagnostics.add({.message = "data/models/" + model.provider.str() + ".yaml has no provider file"});
  for (const PriceFact& fact : catalog.prices)
    if (!known(fact.provider))
      diagnostics.add({.message = "data/prices/" + fact.provider.str() + ".yaml has no provider file"});
  // A host that runs everything itself has its ground for all its models.
  for (Model& model : catalog.models)
    if (const auto provider = std::ranges::find(catalog.providers, model.provider, &Provider::id);
        provider != catalog.providers.end() && provider->ground == Ground::self_hosted)
      model.ground = Ground::self_hosted;
  share_benchmarks(catalog.models);
  share_manners(catalog.models);
  catalog.sha256 = crypto::hex(crypto::sha256(digests));
  catalog.models.shrink_to_fit();  // both stay until the process ends
  catalog.prices.shrink_to_fit();
  return catalog;
}

const Licence* find_licence(const Catalog& catalog, std::string_view id) {
  const auto found = std::ranges::find(catalog.licences, id, &Licence::id);
  return found == catalog.licences.end() ? nullptr : &*found;
}

const Catalog& embedded_catalog() {
  static const Catalog catalog = [] {
    yaml::Diagnostics diagnostics;
    Catalog read = read_catalog(embedded_files(), diagnostics);
    if (!diagnostics.ok()) {
      std::fputs(diagnostics.render().c_str(), stderr);
      std::abort();
    }
    return read;
  }();
  return catalog;
}

}  // namespace sluice::catalog
