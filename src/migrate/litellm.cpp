#include "migrate/litellm.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>
#include <vector>

#include "base/address.h"
#include "json/json.h"
#include "migrate/decimal.h"
#include "yaml/node.h"

namespace sluice::migrate {
namespace {

using yaml::Member;
using yaml::Node;
using Settings = std::vector<std::pair<std::string, std::string>>;  // names and their YAML, in order

struct VendorName {
  std::string_view theirs;  // before the slash of litellm_params.model
  std::string_view ours;
};
// Where the two call a vendor differently; elsewhere the names are the same.
constexpr VendorName vendor_names[] = {
    {"ai21_chat", "ai21"},
    {"azure_text", "azure"},
    {"codestral", "mistral"},
    {"cohere_chat", "cohere"},
    {"dashscope", "alibaba"},
    {"fireworks_ai", "fireworks"},
    {"friendliai", "friendli"},
    {"hosted_vllm", "vllm"},
    {"lm_studio", "lmstudio"},
    {"meta_llama", "meta"},
    {"nvidia_nim", "nvidia"},
    {"ollama_chat", "ollama"},
    {"text-completion-openai", "openai"},
    {"together_ai", "together"},
    {"vercel_ai_gateway", "vercel"},
    {"vertex_ai", "vertex"},
    {"vertex_ai_beta", "vertex"},
};

// What LiteLLM takes a model for that is written without a vendor.
constexpr VendorName model_prefixes[] = {
    {"gpt-", "openai"},     {"chatgpt-", "openai"},        {"o1", "openai"},          {"o3", "openai"},
    {"o4", "openai"},       {"text-embedding-", "openai"}, {"dall-e", "openai"},      {"whisper", "openai"},
    {"tts-", "openai"},     {"omni-moderation", "openai"}, {"claude-", "anthropic"},  {"gemini-", "vertex"},
    {"command-", "cohere"}, {"mistral-", "mistral"},       {"deepseek-", "deepseek"},
};

constexpr std::array secret_keys = {"api_key",           "master_key",         "salt_key",
                                    "password",          "redis_password",     "database_url",
                                    "azure_ad_token",    "aws_access_key_id",  "aws_secret_access_key",
                                    "aws_session_token", "vertex_credentials", "redis_url"};

constexpr std::string_view environment_reference = "os.environ/";

std::string in_quotes(std::string_view text) {
  std::string out;
  json::append_quoted(out, text);
  return out;
}

// For map keys and list items: names as they are, everything else in quotes.
std::string plain_or_quoted(std::string_view text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '/';
  }) && ((text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z'));
  constexpr std::array words = {"null", "true", "false", "yes", "no", "on", "off"};
  return plain && std::ranges::find(words, text) == words.end() ? std::string(text) : in_quotes(text);
}

std::string upper_snake(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += c >= 'a' && c <= 'z'                               ? static_cast<char>(c - 32)
           : (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c
                                                              : '_';
  return out;
}

std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool capital = c >= 'A' && c <= 'Z';
    if (letter || capital)
      out += capital ? static_cast<char>(c + 32) : c;
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  while (out.ends_with('-')) out.pop_back();
  constexpr std::size_t longest = 40;  // of the 64 that a provider's name may have
  return out.substr(0, longest);
}

struct Provider {
  std::string id;
  std::string key;    // tells apart those of one vendor: all that is set below
  Settings settings;  // without models and prices
  std::map<std::string, Settings> models;
  std::map<std::string, Settings> prices;
};

struct Candidate {
  std::string name;  // provider/model
  std::int64_t order = 0;
};

struct Route {
  std::string name;
  const Member* named = nullptr;  // where
  std::vector<Candidate> candidates;
};

class Reading {
 public:
  Reading(const std::shared_ptr<const yaml::Source>& source, const catalog::Catalog& catalog, Converted& out)
      : source_(source), catalog_(catalog), out_(out) {}

  void read(const Node& root);
  std::string yaml() const;

 private:
  void note(const yaml::Place& place, std::size_t length, std::string message, std::string help) {
    out_.notes.add({.severity = yaml::Severity::warning,
                    .source = source_,
                    .place = place,
                    .length = length,
                    .message = std::move(message),
                    .help = std::move(help)});
  }
  void note(const Node& node, std::string message, std::string help = {}) {
    note(node.place, node.length, std::move(message), std::move(help));
  }
  void note_key(const Member& member, std::string message, std::string help = {}) {
    note(member.key_place, member.key_length, std::move(message), std::move(help));
  }

  void read_model(const Node& row);
  std::optional<std::pair<std::string, std::string>> vendor_and_model(const Node& params, const Node& model);
  Provider* provider_for(std::string vendor, const std::string& model, const Node& params);
  std::string reference(const Member& member, const std::string& otherwise);
  void read_place(const std::string& vendor, const catalog::Provider* known, const Node& params, Settings& settings,
                  std::string& host);
  void read_price(const Node& from, const std::string& model, Provider& provider);
  void read_model_info(const Node& info, const std::string& model, Provider& provider);
  void read_params(const Node& params);
  void read_router(const Node& section, std::string_view where);
  void read_fallbacks(const Node& list);
  void read_general(const Node& section);
  void add_fallbacks();
  Route* route_named(std::string_view name);
  void set_retry(std::string_view name, std::string value);
  void seconds(const Member& member, std::string_view name, Settings& settings);
  const catalog::Provider* known(std::string_view id) const;

  std::shared_ptr<const yaml::Source> source_;
  const catalog::Catalog& catalog_;
  Converted& out_;
  std::vector<std::unique_ptr<Provider>> providers_;
  std::vector<Route> routes_;
  std::vector<std::pair<std::string, std::vector<std::string>>> fallbacks_;  // "" = of every route
  std::vector<std::pair<std::string, std::string>> aliases_;
  Settings retry_;
  Settings breaker_;
  bool said_weights_ = false;
  bool said_rates_ = false;
};

std::string text_of(const Node& map, std::string_view key) {
  const Member* member = map.find(key);
  return member && member->value.is_scalar() ? member->value.text : std::string();
}

const catalog::Provider* Reading::known(std::string_view id) const {
  const auto found =
      std::ranges::find_if(catalog_.providers, [&](const catalog::Provider& one) { return one.id.str() == id; });
  return found == catalog_.providers.end() ? nullptr : &*found;
}

Route* Reading::route_named(std::string_view name) {
  const auto found = std::ranges::find(routes_, name, &Route::name);
  return found == routes_.end() ? nullptr : &*found;
}

void Reading::set_retry(std::string_view name, std::string value) {
  if (std::ranges::find(retry_, name, [](const auto& one) { return std::string_view(one.first); }) == retry_.end())
    retry_.emplace_back(name, std::move(value));
}

// "30", "0.5": seconds of theirs, milliseconds of ours.
void Reading::seconds(const Member& member, std::string_view name, Settings& settings) {
  if (member.value.is_null()) return;
  const auto ms = times_ten_to(member.value.text, 3);
  std::int64_t whole = 0;
  if (!ms || std::from_chars(ms->data(), ms->data() + ms->size(), whole).ec != std::errc() || whole < 10)
    return note(member.value, "`" + member.key + "` is not carried over: it is no number of seconds from 0.01",
                "set `" + std::string(name) + "` by hand");
  settings.emplace_back(name, std::to_string(whole));
}

// A value that may be a secret, as a reference to the environment: theirs, else a variable called `otherwise`.
std::string Reading::reference(const Member& member, const std::string& otherwise) {
  const std::string& text = member.value.text;
  if (text.starts_with(environment_reference)) return "${" + text.substr(environment_reference.size()) + "}";
  note(member.value, "`" + member.key + "` stands in clear in this file, so it is not copied",
       "set the environment variable " + otherwise + " to it");
  return "${" + otherwise + "}";
}

// The vendor by our name, and the model by its own.
std::optional<std::pair<std::string, std::string>> Reading::vendor_and_model(const Node& params, const Node& model) {
  std::string vendor = text_of(params, "custom_llm_provider");
  std::string name = model.text;
  const std::size_t slash = name.find('/');
  const auto ours = [&](const std::string& theirs) {
    for (const VendorName& one : vendor_names)
      if (one.theirs == theirs) return std::string(one.ours);
    return theirs;
  };
  if (!vendor.empty()) {
    if (slash != std::string::npos && name.substr(0, slash) == vendor) name = name.substr(slash + 1);
    return std::pair(ours(vendor), name);
  }
  if (slash != std::string::npos) {
    vendor = ours(name.substr(0, slash));
    name = name.substr(slash + 1);
    // Bedrock's API, which is the provider's business here.
    for (const std::string_view api : {"converse/", "invoke/", "converse_like/"})
      if (vendor == "bedrock" && name.starts_with(api)) name = name.substr(api.size());
    if (vendor == "vertex" && name.starts_with("claude")) vendor = "vertex-anthropic";
    return std::pair(vendor, name);
  }
  for (const VendorName& one : model_prefixes)
    if (name.starts_with(one.theirs)) return std::pair(std::string(one.ours), name);
  if (params.find("api_base")) return std::pair(std::string("openai"), name);
  note(model, "no vendor is named for `" + name + "` and its name tells none, so this row is left out",
       "add it by hand: a provider under `providers`, and `provider/model` in the route");
  return std::nullopt;
}

// base_url, and what else says where it is and how one gets in there.
void Reading::read_place(const std::string& vendor, const catalog::Provider* known, const Node& params,
                         Settings& settings, std::string& host) {
  const Member* base = params.find("api_base");
  if (!base) base = params.find("base_url");
  std::string url = base ? base->value.text : std::string();
  bool from_environment = false;
  if (url.starts_with(environment_reference)) {
    url = "${" + url.substr(environment_reference.size()) + "}";
    from_environment = true;
  }
  while (url.ends_with('/')) url.pop_back();
  const std::string version = text_of(params, "api_version");
  const auto add_path = [&](std::string_view path, std::string_view already) {
    if (!url.empty() && url.find(already) == std::string::npos) url += path;
  };
  if (vendor == "azure") {
    add_path("/openai/v1", "/openai");
  } else if (vendor == "ollama") {
    add_path("/v1", "/v1");
  } else if (vendor == "anthropic") {
    add_path("/v1", "/v1");
  }
  if (vendor == "azure" && !version.empty() && version != "preview" && version != "latest" && version != "v1")
    settings.emplace_back("azure_api_version", in_quotes(version.starts_with(environment_reference)
                                                             ? "${" + version.substr(environment_reference.size()) + "}"
                                                             : version));
  if (!url.empty()) {
    const auto parsed = parse_base_url(url);
    if (!parsed && !from_environment)
      note(base->value, "`" + base->value.text + "` is no base URL: " + parsed.error().message, parsed.error().hint);
    if (parsed) host = parsed->host_header;
    const bool same = known && parsed && parsed->host_header == known->base_url.host_header &&
                      parsed->path_prefix == known->base_url.path_prefix;
    if (same)
      host.clear();
    else
      settings.emplace_back("base_url", in_quotes(url));
    if (from_environment && !same) host = url.substr(2, url.size() - 3);
    // An engine's place that nothing shows to be one's own needs the operator's word.
    if (known && known->ground == catalog::Ground::self_hosted && !same &&
        (!parsed || !is_private_host(parsed->endpoint.host))) {
      settings.emplace_back("ground", "hosted_open");
      note(base->value, "nothing shows that this engine is your own, so it counts as `hosted_open`",
           "write `ground: self_hosted` when you run it: restricted data goes to self_hosted only");
    }
  }
}

// The provider that stands for this row's vendor, place and key; made when there is none yet.
Provider* Reading::provider_for(std::string vendor, const std::string& model, const Node& params) {
  const catalog::Provider* vendor_known = known(vendor);
  Settings settings;
  std::string host;
  read_place(vendor, vendor_known, params, settings, host);
  if (!vendor_known && host.empty()) {
    const Member* named = params.find("model");
    note(named->value,
         "Sluice knows no provider `" + vendor + "` and no `api_base` says where it is, so this row is left out",
         "write `" + slug(vendor) + ": { kind: openai_compatible, base_url: \"https://...\" }` under `providers`");
    return nullptr;
  }

  const auto is_known_key = [&](const std::string& variable) {
    return vendor_known && std::ranges::find(vendor_known->key_env, variable) != vendor_known->key_env.end();
  };
  if (const Member* key = params.find("api_key"); key && key->value.is_scalar()) {
    const std::string own = vendor_known && !vendor_known->key_env.empty() ? vendor_known->key_env.front()
                                                                           : upper_snake(vendor) + "_API_KEY";
    const bool no_key =
        vendor_known && vendor_known->ground == catalog::Ground::self_hosted &&
        !key->value.text.starts_with(environment_reference);  // "none", "EMPTY", "sk-1234": engines ask for none
    if (!no_key) {
      std::string variable = reference(*key, own);
      variable = variable.substr(2, variable.size() - 3);
      // A vendor's key goes nowhere but to the vendor unless the file says so.
      if (!is_known_key(variable) || !host.empty()) settings.emplace_back("api_key", in_quotes("${" + variable + "}"));
    }
  }
  Settings aws;
  for (const auto& [theirs, ours, variable] : {std::array<const char*, 3>{"aws_region_name", "region", "AWS_REGION"},
                                               {"aws_access_key_id", "access_key_id", "AWS_ACCESS_KEY_ID"},
                                               {"aws_secret_access_key", "secret_access_key", "AWS_SECRET_ACCESS_KEY"},
                                               {"aws_session_token", "session_token", "AWS_SESSION_TOKEN"}}) {
    const Member* member = params.find(theirs);
    if (!member || !member->value.is_scalar()) continue;
    const bool is_region = std::string_view(ours) == "region";
    const std::string value = is_region && !member->value.text.starts_with(environment_reference)
                                  ? member->value.text
                                  : reference(*member, variable);
    if (value != "${" + std::string(variable) + "}") aws.emplace_back(ours, in_quotes(value));
  }
  if (vendor == "bedrock" && !aws.empty()) {
    std::string map = "{ ";
    for (const auto& [name, value] : aws) map += (map.size() > 2 ? ", " : "") + name + ": " + value;
    settings.emplace_back("aws", map + " }");
  }
  for (const auto& [theirs, ours] :
       {std::pair{"timeout", "answer_timeout_ms"}, {"stream_timeout", "first_token_timeout_ms"}})
    if (const Member* member = params.find(theirs)) seconds(*member, ours, settings);
  if (const Member* most = params.find("max_parallel_requests"); most && !most->value.is_null())
    settings.emplace_back("max_in_flight", most->value.text);
  for (const char* name : {"extra_headers", "headers"}) {
    const Member* headers = params.find(name);
    if (!headers || !headers->value.is_map()) continue;
    std::string map = "{ ";
    for (const Member& one : headers->value.members) {
      const std::string lower = slug(one.key);
      if (lower.contains("authorization") || lower.contains("api-key") || lower.contains("token")) {
        note_key(one, "a header that may hold a credential is not copied", "give the key as the provider's `api_key`");
        continue;
      }
      map += (map.size() > 2 ? ", " : "") + plain_or_quoted(one.key) + ": " + in_quotes(one.value.text);
    }
    if (map.size() > 2) settings.emplace_back("headers", map + " }");
  }

  std::string key = vendor;
  for (const auto& [name, value] : settings) key += "\n" + name + "=" + value;
  for (const auto& one : providers_)
    if (one->key == key) return one.get();

  auto made = std::make_unique<Provider>();
  made->key = key;
  // A vendor's own name when it is at the vendor's place, or an engine's at another one.
  const bool own_name = vendor_known && (host.empty() || vendor_known->ground == catalog::Ground::self_hosted ||
                                         vendor == "azure" || vendor == "bedrock");
  std::string id = own_name ? vendor : slug(vendor) + (host.empty() ? "" : "-" + slug(host));
  const auto taken = [&](const std::string& name) {
    return std::ranges::any_of(providers_, [&](const auto& one) { return one->id == name; });
  };
  const std::string wanted = id;
  for (int number = 2; taken(id); ++number) id = wanted + "-" + std::to_string(number);
  made->id = id;
  if (id != vendor || !vendor_known) {
    using enum chat::DialectId;
    const chat::DialectId dialect = vendor_known ? vendor_known->dialect : openai_chat;
    const char* kind = vendor == "azure"               ? "azure_openai"
                       : dialect == anthropic_messages ? "anthropic_compatible"
                       : dialect == gemini             ? "gemini_compatible"
                       : dialect == bedrock_converse   ? "bedrock_converse"
                                                       : "openai_compatible";
    settings.emplace(settings.begin(), "kind", kind);
    const auto has = [&](std::string_view name) {
      return std::ranges::any_of(settings, [&](const auto& one) { return one.first == name; });
    };
    if (!has("base_url") && vendor_known) {
      const BaseUrl& place = vendor_known->base_url;
      const std::string region = text_of(params, "aws_region_name");
      const bool in_region = vendor == "bedrock" && !region.empty() && !region.starts_with(environment_reference);
      settings.emplace(settings.begin() + 1, "base_url",
                       in_quotes("https://" + (in_region ? "bedrock-runtime." + region + ".amazonaws.com"
                                                         : place.host_header + place.path_prefix)));
    }
    if (vendor_known && !has("ground"))
      settings.emplace_back("ground", std::string(catalog::name(vendor_known->ground_of(model))));
    if (!has("api_key") && !has("aws") && vendor_known && !vendor_known->key_env.empty())
      settings.emplace_back("api_key", in_quotes("${" + vendor_known->key_env.front() + "}"));
  }
  made->settings = std::move(settings);
  providers_.push_back(std::move(made));
  return providers_.back().get();
}

// Their USD per token are our USD per million.
void Reading::read_price(const Node& from, const std::string& model, Provider& provider) {
  constexpr int per_million = 6;
  struct Class {
    const char* theirs;
    const char* ours;
    int power;
  };
  constexpr Class classes[] = {{"input_cost_per_token", "input", per_million},
                               {"output_cost_per_token", "output", per_million},
                               {"cache_read_input_token_cost", "cache_read", per_million},
                               {"cache_creation_input_token_cost", "cache_write_5m", per_million},
                               {"output_cost_per_reasoning_token", "reasoning", per_million},
                               {"input_cost_per_request", "request", 0}};
  Settings price;
  for (const Class& one : classes) {
    const Member* member = from.find(one.theirs);
    if (!member || member->value.is_null()) continue;
    const auto usd = times_ten_to(member->value.text, one.power);
    if (usd)
      price.emplace_back(one.ours, *usd);
    else
      note(member->value, "`" + member->key + "` is no price in USD that is at least 0, so it is left out",
           "set it under `prices` by hand, in USD per million tokens");
  }
  for (const Member& member : from.members)
    if (member.key.contains("cost") &&
        !std::ranges::any_of(classes, [&](const Class& one) { return one.theirs == member.key; }))
      note_key(member, "`" + member.key + "` has no counterpart here, so it is left out",
               "see `prices` in docs/reference/config.md");
  if (price.empty()) return;
  const bool has_both = price.size() > 1 && price[0].first == "input" && price[1].first == "output";
  if (!has_both && price[0].first == "input") price.emplace_back("output", "0");
  if (!has_both && price[0].first == "output") price.emplace(price.begin(), "input", "0");
  provider.prices[model] = std::move(price);
}

void Reading::read_model_info(const Node& info, const std::string& model, Provider& provider) {
  Settings about;
  const auto number = [&](const char* theirs, const char* ours) {
    const Member* member = info.find(theirs);
    if (!member || member->value.is_null()) return;
    const auto whole = times_ten_to(member->value.text, 0);
    if (whole && !whole->contains('.') && *whole != "0") about.emplace_back(ours, *whole);
  };
  number("max_input_tokens", "context");
  number(info.find("max_output_tokens") ? "max_output_tokens" : "max_tokens", "max_output");
  for (const auto& [theirs, ours] : {std::pair{"supports_function_calling", "tools"}, {"supports_vision", "images"}})
    if (const std::string text = text_of(info, theirs); text == "true" || text == "false")
      about.emplace_back(ours, text);
  if (!about.empty()) provider.models[model] = std::move(about);
}

// What is neither read above nor worth a word.
void Reading::read_params(const Node& params) {
  static constexpr std::array read = {"model",
                                      "custom_llm_provider",
                                      "api_base",
                                      "base_url",
                                      "api_key",
                                      "api_version",
                                      "timeout",
                                      "stream_timeout",
                                      "max_parallel_requests",
                                      "extra_headers",
                                      "headers",
                                      "order",
                                      "weight",
                                      "rpm",
                                      "tpm",
                                      "aws_region_name",
                                      "aws_access_key_id",
                                      "aws_secret_access_key",
                                      "aws_session_token",
                                      "max_retries",
                                      "drop_params"};
  for (const Member& member : params.members) {
    if (std::ranges::find(read, member.key) != read.end() || member.key.contains("cost")) continue;
    if (member.key.starts_with("vertex_"))
      note_key(member, "`" + member.key + "` is not carried over",
               "set GOOGLE_APPLICATION_CREDENTIALS, GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION, or the provider's "
               "`google_key_file` and `base_url`");
    else
      note_key(member, "`" + member.key + "` is not carried over",
               "clients send it with their requests, where their API has it");
  }
  if (const Member* weight = params.find("weight"); weight && !std::exchange(said_weights_, true))
    note_key(*weight, "weights are not carried over: candidates are asked in the order of their list",
             "put the one first that should serve");
  for (const char* rate : {"rpm", "tpm"})
    if (const Member* member = params.find(rate); member && !std::exchange(said_rates_, true))
      note_key(*member, "rates of deployments are not carried over: a provider's 429 sends the request on",
               "limit keys (`sluice keys create --rpm --tpm`), or calls under way (`max_in_flight`)");
}

void Reading::read_model(const Node& row) {
  const Member* params = row.find("litellm_params");
  const Member* model = params ? params->value.find("model") : nullptr;
  const Member* named = row.find("model_name");
  if (!model || !model->value.is_scalar() || !named || !named->value.is_scalar())
    return note(row, "a row without `model_name` and `litellm_params.model` is left out");
  const auto found = vendor_and_model(params->value, model->value);
  if (!found) return;
  const auto& [vendor, name] = *found;
  const bool any = name == "*" || named->value.text == "*";
  Provider* provider = provider_for(vendor, name, params->value);
  read_params(params->value);
  if (!provider) return;
  if (!any && name.contains('*')) {
    note(model->value, "a pattern is not carried over", "any model is called by `" + provider->id + "/MODEL`");
    return;
  }
  if (any) return;  // every model of a provider can be called by provider/model
  read_price(params->value, name, *provider);
  if (const Member* info = row.find("model_info"); info && info->value.is_map()) {
    if (!provider->prices.contains(name)) read_price(info->value, name, *provider);
    read_model_info(info->value, name, *provider);
  }
  const std::string candidate = provider->id + "/" + name;
  const std::string& route_name = named->value.text;
  if (route_name.contains('/')) {
    if (route_name != candidate)
      note(named->value,
           "`" + route_name + "` cannot be the name of a route: here a name with / is always provider/model",
           "call it `" + candidate + "`, or give it a name without /");
    return;
  }
  Route* route = route_named(route_name);
  if (!route) route = &routes_.emplace_back(Route{.name = route_name, .named = named, .candidates = {}});
  std::int64_t order = 0;
  const std::string order_text = text_of(params->value, "order");
  std::from_chars(order_text.data(), order_text.data() + order_text.size(), order);
  if (std::ranges::find(route->candidates, candidate, &Candidate::name) == route->candidates.end())
    route->candidates.insert(std::ranges::upper_bound(route->candidates, order, {}, &Candidate::order),
                             Candidate{candidate, order});
}

// [{chat: [big, other]}, ...], or ["big"] for every route.
void Reading::read_fallbacks(const Node& list) {
  for (const Node& item : list.items) {
    if (item.is_scalar()) {
      if (fallbacks_.empty() || !fallbacks_.back().first.empty())
        fallbacks_.emplace_back("", std::vector<std::string>());
      fallbacks_.back().second.push_back(item.text);
    }
    for (const Member& member : item.members) {
      std::vector<std::string> to;
      if (member.value.is_scalar()) to.push_back(member.value.text);
      for (const Node& one : member.value.items)
        if (one.is_scalar()) to.push_back(one.text);
      fallbacks_.emplace_back(member.key == "*" ? "" : member.key, std::move(to));
    }
  }
}

void Reading::read_router(const Node& section, std::string_view where) {
  for (const Member& member : section.members) {
    const Node& value = member.value;
    if (value.is_null()) continue;
    if (member.key == "fallbacks" || member.key == "default_fallbacks") {
      read_fallbacks(value);
    } else if (member.key == "context_window_fallbacks" || member.key == "content_policy_fallbacks") {
      if (member.key.starts_with("context")) {
        read_fallbacks(value);
        note_key(member, "context window fallbacks became candidates of their routes",
                 "a prompt that is too long for one candidate goes to the next that has room");
      } else {
        note_key(member, "fallbacks for content policies are not carried over",
                 "a refusal by a content filter is never routed around");
      }
    } else if (member.key == "num_retries") {
      std::int64_t retries = 0;
      if (std::from_chars(value.text.data(), value.text.data() + value.text.size(), retries).ec == std::errc() &&
          retries >= 0)
        set_retry("attempts", std::to_string(std::clamp<std::int64_t>(retries + 1, 1, 10)));
    } else if (member.key == "timeout" || member.key == "request_timeout") {
      Settings one;
      seconds(member, "total_timeout_ms", one);
      if (!one.empty()) set_retry("total_timeout_ms", one.front().second);
    } else if (member.key == "stream_timeout") {
      Settings one;
      seconds(member, "first_token_timeout_ms", one);
      if (!one.empty()) set_retry("first_token_timeout_ms", one.front().second);
    } else if (member.key == "allowed_fails") {
      breaker_.emplace_back("failures", value.text);
    } else if (member.key == "cooldown_time") {
      seconds(member, "first_ms", breaker_);
    } else if (member.key == "model_group_alias") {
      for (const Member& alias : value.members)
        aliases_.emplace_back(alias.key, alias.value.is_map() ? text_of(alias.value, "model") : alias.value.text);
    } else if (member.key == "routing_strategy") {
      note(value, "`" + value.text + "` is not carried over: candidates are asked in the order of their list",
           "put the one first that should serve; a slow or failing one is left by itself");
    } else if (member.key == "drop_params" || member.key == "set_verbose") {
      // Sluice says in x-sluice-dropped-params what a provider cannot take, and logs each request.
    } else {
      note_key(member, "`" + std::string(where) + "." + member.key + "` is not carried over",
               member.key.contains("callback") ? "metrics are at /metrics, and each request is a line of the log"
                                               : "docs/reference/config.md has what Sluice can be told");
    }
  }
}

void Reading::read_general(const Node& section) {
  for (const Member& member : section.members) {
    if (member.value.is_null()) continue;
    if (member.key == "master_key")
      note_key(member, "the master key is not carried over",
               "make keys for clients with `sluice keys create --name NAME`");
    else if (member.key == "database_url" || member.key == "store_model_in_db")
      note_key(member, "`general_settings." + member.key + "` is not needed",
               "keys and ledger are in the data directory");
    else
      note_key(member, "`general_settings." + member.key + "` is not carried over",
               "docs/reference/config.md has what Sluice can be told");
  }
}

void Reading::add_fallbacks() {
  for (const auto& [alias, to] : aliases_) {
    const Route* target = route_named(to);
    if (target && !route_named(alias) && !alias.contains('/')) {
      Route copy = *target;
      copy.name = alias;
      routes_.push_back(std::move(copy));
    }
  }
  // Of the rows alone: a fallback's own fallbacks are not followed.
  std::map<std::string, std::vector<Candidate>> own;
  for (const Route& route : routes_) own[route.name] = route.candidates;
  for (const auto& [from, targets] : fallbacks_)
    for (Route& route : routes_) {
      if (!from.empty() && route.name != from) continue;
      for (const std::string& to : targets) {
        std::vector<Candidate> more = own[to];
        if (more.empty() && to.contains('/')) more.push_back({.name = to});
        for (const Candidate& one : more)
          if (std::ranges::find(route.candidates, one.name, &Candidate::name) == route.candidates.end())
            route.candidates.push_back(one);
      }
    }
}

void Reading::read(const Node& root) {
  if (!root.is_map()) {
    out_.notes.add({.source = source_,
                    .place = root.place,
                    .message = "this is no configuration of LiteLLM: a map with `model_list` is expected",
                    .help = "give the file that is passed to `litellm --config`"});
    return;
  }
  const Member* list = root.find("model_list");
  if (!list || !list->value.is_list()) {
    out_.notes.add({.source = source_,
                    .place = list ? list->value.place : root.place,
                    .message = "there is no list `model_list`",
                    .help = "models that LiteLLM keeps in its database are exported by its UI or /model/info"});
    return;
  }
  for (const Node& row : list->value.items) read_model(row);
  for (const Member& section : root.members) {
    if (section.key == "model_list" || section.value.is_null()) continue;
    if (section.key == "router_settings" || section.key == "litellm_settings")
      read_router(section.value, section.key);
    else if (section.key == "general_settings")
      read_general(section.value);
    else if (section.key == "environment_variables")
      note_key(section, "environment variables are not copied: they may hold secrets",
               "set them where `sluice serve` is started");
    else
      note_key(section, "`" + section.key + "` is not carried over",
               "docs/reference/config.md has what Sluice can be told");
  }
  add_fallbacks();
}

void append(std::string& out, const Settings& settings) {
  for (std::size_t i = 0; i < settings.size(); ++i)
    out += (i == 0 ? "" : ", ") + settings[i].first + ": " + settings[i].second;
}

void append_map(std::string& out, std::string_view name, const std::map<std::string, Settings>& map) {
  if (map.empty()) return;
  out.append("    ").append(name).append(":\n");
  for (const auto& [model, settings] : map) {
    out.append("      ").append(plain_or_quoted(model)).append(": { ");
    append(out, settings);
    out.append(" }\n");
  }
}

std::string Reading::yaml() const {
  std::string out = "# Made by `sluice import litellm`. Keys of clients: `sluice keys create`.\nproviders:";
  if (providers_.empty()) out += " {}";
  out += "\n";
  for (const auto& provider : providers_) {
    out += "  " + provider->id + ":";
    if (provider->settings.empty() && provider->models.empty() && provider->prices.empty()) out += " {}";
    out += "\n";
    for (const auto& [name, value] : provider->settings) out += "    " + name + ": " + value + "\n";
    append_map(out, "models", provider->models);
    append_map(out, "prices", provider->prices);
  }
  if (!routes_.empty()) out += "models:\n";
  for (const Route& route : routes_) {
    out += "  " + plain_or_quoted(route.name) + ":\n";
    for (const Candidate& one : route.candidates) out += "    - " + plain_or_quoted(one.name) + "\n";
  }
  for (const auto& [name, settings] : {std::pair("retry", &retry_), std::pair("breaker", &breaker_)}) {
    if (settings->empty()) continue;
    out += std::string(name) + ": { ";
    append(out, *settings);
    out += " }\n";
  }
  return out;
}

}  // namespace

Converted from_litellm(const std::shared_ptr<const yaml::Source>& source, const catalog::Catalog& catalog) {
  Converted out;
  const auto root = yaml::parse(source, out.notes);
  if (!root) return out;
  Reading reading(source, catalog, out);
  reading.read(*root);
  if (out.ok()) out.yaml = reading.yaml();
  return out;
}

std::vector<std::string> litellm_secret_keys() { return {secret_keys.begin(), secret_keys.end()}; }

}  // namespace sluice::migrate
