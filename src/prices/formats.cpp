#include "prices/formats.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>

#include "json/json.h"

namespace sluice::prices {
namespace {

using catalog::Date;
using catalog::GivenRates;
using catalog::PriceAlias;
using catalog::PriceFact;
using catalog::Rates;
using catalog::Tier;
using catalog::Unit;

constexpr int per_million = 6;   // USD per million tokens -> picodollars per token
constexpr int per_unit = 12;     // USD -> picodollars
constexpr int per_thousand = 9;  // USD per thousand -> picodollars

// Names that the catalogues have for providers of data/providers.
constexpr std::pair<std::string_view, std::string_view> known_providers[] = {
    {"google", "gemini"},
    {"aws", "bedrock"},
    {"amazon-bedrock", "bedrock"},
    {"bedrock_converse", "bedrock"},
    {"x-ai", "xai"},
    {"zhipuai", "zai"},
    {"moonshotai", "moonshot"},
    {"voyageai", "voyage"},
    {"togetherai", "together"},
    {"together_ai", "together"},
    {"fireworks-ai", "fireworks"},
    {"fireworks_ai", "fireworks"},
    {"google-vertex", "vertex"},
    {"vertex_ai-language-models", "vertex"},
    {"google-vertex-anthropic", "vertex-anthropic"},
    {"vertex_ai-anthropic_models", "vertex-anthropic"},
    {"github-models", "github"},
    {"gmi", "gmicloud"},
    {"perplexity-ai", "perplexity"}};

std::string provider_name(const ReadOptions& options, std::string_view theirs) {
  for (const auto& [from, to] : options.providers)
    if (from == theirs) return to;
  for (const auto& [from, to] : known_providers)
    if (from == theirs) return std::string(to);
  return std::string(theirs);
}

class Reader {
 public:
  Reader(const ReadOptions& options, ReadCatalogue& out) : options_(options), out_(out) {}

 protected:
  PriceFact fact(std::string_view provider, std::string_view model) const {
    PriceFact fact{.provider = ProviderId(provider_name(options_, provider)), .model = ModelName(std::string(model))};
    fact.effective_from = options_.from;
    fact.source_kind = options_.layer;
    fact.source = options_.source;
    fact.observed_at = options_.observed;
    return fact;
  }

  // Sets the unit when the value is a number; says so when it is none that fits.
  void set(GivenRates& given, Unit unit, json::Value value, int power, const PriceFact& of) {
    if (!value.exists() || value.is_null()) return;
    const auto pico = value.number()      ? scaled(value.text(), power)
                      : value.is_string() ? scaled(*value.string(), power)
                                          : std::nullopt;
    if (!pico) return left_out(of, "`" + value.text() + "` is no price");
    given[static_cast<std::size_t>(unit)] = *pico;
  }

  void left_out(const PriceFact& of, const std::string& why) {
    out_.left_out.push_back(of.provider.str() + "/" + of.model.str() + ": " + why);
  }

  static bool has(const GivenRates& given, Unit unit) { return given[static_cast<std::size_t>(unit)].has_value(); }
  static bool any(const GivenRates& given) {
    return std::ranges::any_of(given, [](const auto& rate) { return rate.has_value(); });
  }

  // A price below zero is none: the fact is left out, and said.
  void add(PriceFact fact) {
    const auto below = [](const Rates& rates) {
      return std::ranges::any_of(rates.pico, [](std::int64_t rate) { return rate < 0; });
    };
    if (below(fact.rates) || std::ranges::any_of(fact.tiers, [&](const Tier& t) { return below(t.rates); })) {
      out_.negative.push_back(fact.provider.str() + "/" + fact.model.str());
      return;
    }
    std::ranges::sort(fact.tiers, {}, &Tier::prompt_tokens);
    out_.prices.facts.push_back(std::move(fact));
  }

  const ReadOptions& options_;
  ReadCatalogue& out_;
};

// OpenAI's and xAI's dearer tiers begin at their number of tokens, the others' above it; neither models.dev nor LiteLLM
// says which.
Tier::Op tier_op(std::string_view model) {
  const std::size_t slash = model.rfind('/');
  const std::string_view own = slash == std::string_view::npos ? model : model.substr(slash + 1);
  return own.starts_with("gpt") || own.starts_with("grok") ? Tier::Op::ge : Tier::Op::gt;
}

class ModelsDev : Reader {
 public:
  using Reader::Reader;
  void read(json::Value root) {
    // The API's own form, or the models by provider below `models`.
    const bool wrapped = root["models"].is_object() && root["providers"].is_object();
    for (const auto& [provider, value] : (wrapped ? root["models"] : root).members())
      for (const auto& [model, said] : (wrapped ? value : value["models"]).members()) read_model(provider, model, said);
  }

 private:
  GivenRates rates(json::Value cost, const PriceFact& of) {
    GivenRates given;
    set(given, Unit::input, cost["input"], per_million, of);
    set(given, Unit::output, cost["output"], per_million, of);
    set(given, Unit::cache_read, cost["cache_read"], per_million, of);
    set(given, Unit::cache_write_5m, cost["cache_write"], per_million, of);
    set(given, Unit::reasoning, cost["reasoning"], per_million, of);
    set(given, Unit::input_audio, cost["input_audio"], per_million, of);
    set(given, Unit::output_audio, cost["output_audio"], per_million, of);
    return given;
  }

  void read_model(std::string_view provider, std::string_view model, json::Value said) {
    const json::Value cost = said["cost"];
    if (!cost.is_object()) return;  // not priced there
    PriceFact own = fact(provider, model);
    const GivenRates given = rates(cost, own);
    if (!has(given, Unit::input) || !has(given, Unit::output))
      return left_out(own, "has no price for input and output");
    own.rates = catalog::fill(given);
    for (const json::Value& each : cost["tiers"].elements()) add_tier(own, each, each["tier"]["size"]);
    if (cost["tiers"].size() == 0 && cost["context_over_200k"].is_object())
      add_tier(own, cost["context_over_200k"], json::Value());
    for (const auto& [mode, what] : said["experimental"]["modes"].members()) {
      if (!what["cost"].is_object()) continue;
      PriceFact other = fact(provider, model);
      // What the provider is asked for decides, else the mode's name.
      const std::string_view asked = what["provider"]["body"]["service_tier"].string().value_or(mode);
      const auto tier = chat::service_tier_from_name(asked);
      const GivenRates dearer = rates(what["cost"], other);
      if (!tier || !has(dearer, Unit::input) || !has(dearer, Unit::output)) {
        left_out(other, "the mode `" + std::string(mode) + "`");
        continue;
      }
      other.service_tier = *tier;
      other.rates = catalog::fill(dearer);
      add(std::move(other));
    }
    add(std::move(own));
  }

  void add_tier(PriceFact& to, json::Value cost, json::Value size) {
    Tier tier{.prompt_tokens = size.integer().value_or(200'000), .op = tier_op(to.model.str())};
    tier.rates = catalog::fill(rates(cost, to), &to.rates);
    to.tiers.push_back(tier);
  }
};

class GenaiPrices : Reader {
 public:
  using Reader::Reader;
  void read(json::Value root) {
    for (const json::Value& provider : root.elements()) {
      const std::string_view id = provider["id"].string().value_or("");
      if (id.empty()) continue;
      for (const json::Value& other : provider["fallback_model_providers"].elements())
        out_.prices.fallbacks.push_back({ProviderId(provider_name(options_, id)),
                                         ProviderId(provider_name(options_, other.string().value_or("")))});
      for (const json::Value& model : provider["models"].elements()) read_model(id, model);
    }
  }

 private:
  struct Named {
    std::string_view name;
    Unit unit;
    int power;
  };
  static constexpr Named units[] = {{"input_mtok", Unit::input, per_million},
                                    {"output_mtok", Unit::output, per_million},
                                    {"cache_read_mtok", Unit::cache_read, per_million},
                                    {"cache_write_mtok", Unit::cache_write_5m, per_million},
                                    {"cache_write_5m_mtok", Unit::cache_write_5m, per_million},
                                    {"cache_write_1h_mtok", Unit::cache_write_1h, per_million},
                                    {"input_audio_mtok", Unit::input_audio, per_million},
                                    {"input_image_mtok", Unit::input_image, per_million},
                                    {"input_video_mtok", Unit::input_video, per_million},
                                    {"output_audio_mtok", Unit::output_audio, per_million},
                                    {"output_image_mtok", Unit::output_image, per_million},
                                    {"cache_audio_read_mtok", Unit::cache_read_audio, per_million},
                                    {"requests_kcount", Unit::request, per_thousand},
                                    {"web_searches_kcount", Unit::search, per_thousand},
                                    {"web_search_kcount", Unit::search, per_thousand}};

  void read_model(std::string_view provider, json::Value model) {
    const std::string_view id = model["id"].string().value_or("");
    PriceFact named = fact(provider, id);
    read_match(named, model["match"]);
    const json::Value prices = model["prices"];
    if (prices.is_object()) {
      if (auto one = read_prices(provider, id, prices)) add(*std::move(one));
      return;
    }
    std::vector<PriceFact> dated;
    for (const json::Value& each : prices.elements()) {
      auto one = read_prices(provider, id, each["prices"]);
      if (!one) continue;
      const json::Value constraint = each["constraint"];
      if (const auto start = constraint["start_date"].string()) {
        const auto day = catalog::parse_date(*start);
        if (!day) {
          left_out(*one, "begins on `" + std::string(*start) + "`");
          continue;
        }
        // Of the prices that began before the import's first day the last one holds on it.
        if (*day <= options_.from) std::erase_if(dated, [](const PriceFact& fact) { return !fact.window; });
        one->effective_from = std::max(*day, options_.from);
      } else if (constraint.exists() && !constraint.is_null()) {
        one->window = window(constraint);
        if (!one->window) {
          left_out(*one, "has the condition " + constraint.text());
          continue;
        }
      }
      dated.push_back(*std::move(one));
    }
    for (PriceFact& one : dated) add(std::move(one));
  }

  // {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}
  static std::optional<catalog::TimeWindow> window(json::Value constraint) {
    const auto clock = [](json::Value value) {
      const std::string_view text = value.string().value_or("");
      return text.ends_with("Z") ? std::string(text.substr(0, 5)) : std::string();
    };
    return catalog::parse_window(clock(constraint["start_time"]) + "-" + clock(constraint["end_time"]));
  }

  std::optional<PriceFact> read_prices(std::string_view provider, std::string_view model, json::Value prices) {
    PriceFact own = fact(provider, model);
    GivenRates base;
    std::map<Tokens, GivenRates> tiers;
    for (const auto& [key, value] : prices.members()) {
      const auto unit = std::ranges::find(units, key, &Named::name);
      if (unit == std::end(units)) {
        left_out(own, "the unit `" + std::string(key) + "`");
        continue;
      }
      if (!value.is_object()) {
        set(base, unit->unit, value, unit->power, own);
        continue;
      }
      set(base, unit->unit, value["base"], unit->power, own);
      for (const json::Value& tier : value["tiers"].elements())
        set(tiers[tier["start"].integer().value_or(0)], unit->unit, tier["price"], unit->power, own);
    }
    if (!any(base)) return std::nullopt;
    own.rates = catalog::fill(base);
    // A unit that has no tiers there costs the same in all of them.
    for (auto& [start, given] : tiers) {
      for (std::size_t i = 0; i < given.size(); ++i)
        if (!given[i]) given[i] = base[i];
      own.tiers.push_back({.prompt_tokens = start, .op = Tier::Op::gt, .rates = catalog::fill(given, &own.rates)});
    }
    return own;
  }

  void read_match(const PriceFact& of, json::Value match) {
    for (const auto& [how, value] : match.members()) {
      if (how == "or") {
        for (const json::Value& each : value.elements()) read_match(of, each);
        continue;
      }
      PriceAlias alias{.provider = of.provider, .text = std::string(value.string().value_or("")), .model = of.model};
      bool known = false;
      for (const auto each : {PriceAlias::Match::equals, PriceAlias::Match::starts_with, PriceAlias::Match::ends_with,
                              PriceAlias::Match::contains})
        if (catalog::name(each) == how) {
          alias.match = each;
          known = true;
        }
      if (!known || alias.text.empty()) {
        left_out(of, "names that match by `" + std::string(how) + "`");
        continue;
      }
      out_.prices.aliases.push_back(std::move(alias));  // its own name, too: case does not count there
    }
  }
};

class LiteLlm : Reader {
 public:
  using Reader::Reader;
  void read(json::Value root) {
    for (const auto& [model, said] : root.members()) {
      const std::string_view provider = said["litellm_provider"].string().value_or("");
      if (model == "sample_spec" || provider.empty()) continue;
      read_model(provider, model, said);
    }
  }

 private:
  struct Named {
    std::string_view name;
    Unit unit;
  };
  static constexpr Named units[] = {{"input_cost_per_token", Unit::input},
                                    {"output_cost_per_token", Unit::output},
                                    {"cache_read_input_token_cost", Unit::cache_read},
                                    {"cache_creation_input_token_cost", Unit::cache_write_5m},
                                    {"cache_creation_input_token_cost_above_1hr", Unit::cache_write_1h},
                                    {"output_cost_per_reasoning_token", Unit::reasoning},
                                    {"input_cost_per_audio_token", Unit::input_audio},
                                    {"output_cost_per_audio_token", Unit::output_audio},
                                    {"input_cost_per_image_token", Unit::input_image},
                                    {"output_cost_per_image_token", Unit::output_image},
                                    {"input_cost_per_request", Unit::request},
                                    {"output_cost_per_image", Unit::image},
                                    {"output_cost_per_video_per_second", Unit::video_second},
                                    {"input_cost_per_second", Unit::audio_second}};

  void read_model(std::string_view provider, std::string_view name, json::Value said) {
    // "azure/gpt-5", "vertex_ai/claude-x": the name that the provider itself has comes behind its own.
    std::string_view model = name;
    for (std::string_view prefix : {provider, std::string_view("vertex_ai"), std::string_view("bedrock")})
      if (model.starts_with(std::string(prefix) + "/")) model.remove_prefix(prefix.size() + 1);
    const PriceFact named = fact(provider, model);
    const GivenRates given = rates(said, "", named);
    if (!any(given)) return;  // a model without a price
    for (const auto& [suffix, tier] :
         {std::pair("", chat::ServiceTier::standard), std::pair("_batches", chat::ServiceTier::batch),
          std::pair("_flex", chat::ServiceTier::flex), std::pair("_priority", chat::ServiceTier::priority)}) {
      GivenRates own = *suffix ? rates(said, suffix, named) : given;
      if (*suffix && !has(own, Unit::input) && !has(own, Unit::output)) continue;
      PriceFact one = fact(provider, model);
      one.service_tier = tier;
      // What the other tier does not name costs as much as in the standard one.
      const Rates standard = catalog::fill(given);
      one.rates = *suffix ? catalog::fill(own, &standard) : standard;
      if (*suffix) {
        for (const Unit unit : {Unit::input, Unit::output})
          if (!has(own, unit)) one.rates[unit] = standard[unit];
      }
      add_tiers(one, said, suffix);
      add(std::move(one));
    }
    if (said["tiered_pricing"].is_array()) left_out(named, "tiered_pricing");
  }

  GivenRates rates(json::Value said, std::string_view suffix, const PriceFact& of) {
    GivenRates given;
    for (const Named& each : units)
      set(given, each.unit, said[std::string(each.name) + std::string(suffix)], per_unit, of);
    if (suffix.empty())
      set(given, Unit::search, said["search_context_cost_per_query"]["search_context_size_medium"], per_unit, of);
    return given;
  }

  // "input_cost_per_token_above_200k_tokens", and with a suffix behind it.
  void add_tiers(PriceFact& to, json::Value said, std::string_view suffix) {
    constexpr std::string_view begin = "input_cost_per_token_above_";
    for (const auto& [key, value] : said.members()) {
      const std::string end = "k_tokens" + std::string(suffix);
      if (!key.starts_with(begin) || !key.ends_with(end) || key.size() <= begin.size() + end.size()) continue;
      const std::string_view digits = key.substr(begin.size(), key.size() - begin.size() - end.size());
      std::int64_t thousands = 0;
      const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), thousands);
      if (error != std::errc() || stop != digits.data() + digits.size() || thousands <= 0 || thousands > 1'000'000)
        continue;
      Tier tier{.prompt_tokens = thousands * 1'000, .op = tier_op(to.model.str())};
      tier.rates = catalog::fill(rates(said, "_above_" + std::string(digits) + end, to), &to.rates);
      to.tiers.push_back(tier);
    }
  }
};

std::optional<Format> detect(json::Value root) {
  if (root.is_array()) return root.at(0)["models"].is_array() ? std::optional(Format::genai_prices) : std::nullopt;
  if (root["models"].is_object() && root["providers"].is_object()) return Format::models_dev;
  for (const auto& [key, value] : root.members()) {
    if (value["models"].is_object()) return Format::models_dev;
    if (value["litellm_provider"].is_string() && key != "sample_spec") return Format::litellm;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Format> format_from_name(std::string_view text) {
  for (const Format format : {Format::models_dev, Format::genai_prices, Format::litellm})
    if (name(format) == text) return format;
  return std::nullopt;
}

std::optional<std::int64_t> scaled(std::string_view number, int power) {
  const bool negative = number.starts_with('-');
  if (negative) number.remove_prefix(1);
  constexpr int most_digits = 36;  // of what fits 128 bits
  __int128 value = 0;
  int digits = 0;
  bool any_digit = false;
  bool sticky = false;  // a digit other than 0 was cut off
  std::size_t at = 0;
  bool behind_point = false;
  for (; at < number.size(); ++at) {
    const char c = number[at];
    if (c == '.' && !behind_point) {
      behind_point = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    any_digit = true;
    if (digits < most_digits) {
      value = value * 10 + (c - '0');
      if (value != 0) ++digits;
      if (behind_point) --power;
    } else {
      sticky = sticky || c != '0';
      if (!behind_point) ++power;
    }
  }
  if (!any_digit) return std::nullopt;
  if (at < number.size()) {
    if (number[at] != 'e' && number[at] != 'E') return std::nullopt;
    ++at;
    if (at < number.size() && number[at] == '+') ++at;
    int exponent = 0;
    const auto [stop, error] = std::from_chars(number.data() + at, number.data() + number.size(), exponent);
    if (error != std::errc() || stop != number.data() + number.size()) return std::nullopt;
    if (exponent > 1'000 || exponent < -1'000)
      return value == 0 || exponent < 0 ? std::optional<std::int64_t>(0) : std::nullopt;
    power += exponent;
  }
  for (; power > 0 && value != 0; --power) {
    value *= 10;
    if (value > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  }
  int last = 0;  // the digit behind the last whole one
  for (; power < 0 && (value != 0 || last != 0); ++power) {
    sticky = sticky || last != 0;
    last = static_cast<int>(value % 10);
    value /= 10;
  }
  if (last > 5 || (last == 5 && (sticky || value % 2 != 0))) ++value;
  if (value > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return static_cast<std::int64_t>(negative ? -value : value);
}

Result<ReadCatalogue> read_catalogue(std::string_view text, std::optional<Format> format, const ReadOptions& options) {
  TRY(const json::Document parsed, json::Document::parse(text));
  const json::Value root = parsed.root();
  if (!format) format = detect(root);
  if (!format)
    return fail(ErrorKind::invalid_request, "the file is of none of the known formats",
                "name it with --format: models_dev (api.json), genai_prices (data.json) or litellm "
                "(model_prices_and_context_window.json)");
  ReadCatalogue out{.format = *format, .prices = {}, .left_out = {}, .negative = {}};
  switch (*format) {
    case Format::models_dev: ModelsDev(options, out).read(root); break;
    case Format::genai_prices: GenaiPrices(options, out).read(root); break;
    case Format::litellm: LiteLlm(options, out).read(root); break;
  }
  if (out.prices.facts.empty())
    return fail(ErrorKind::invalid_request, "the file has no price in the format " + std::string(name(*format)),
                "is it whole? name another format with --format");
  return out;
}

}  // namespace sluice::prices
