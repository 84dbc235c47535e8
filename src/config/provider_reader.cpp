#include "config/provider_reader.h"

#include <algorithm>

#include "base/ascii.h"
#include "catalog/read_price.h"
#include "config/cloud_credentials.h"
#include "config/provider_table.h"
#include "config/read_section.h"

namespace sluice::config {
namespace {

using yaml::Fields;
using yaml::Member;
using yaml::Node;

static_assert(std::ranges::all_of(provider_table, [](const ProviderSetting& setting) {
  return setting.read != nullptr && setting.words.empty() == (setting.schema != nullptr);
}));

// "bearer, x_api_key or none"
std::string listed(std::span<const char* const> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    text.append(i == 0 ? "" : i + 1 == words.size() ? " or " : ", ").append(words[i]);
  return text;
}

bool is_header_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return c == '-' || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

bool is_one_line(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

ProviderReader::ProviderReader(const Node& map, catalog::Provider& provider, Snapshot::Parts& parts,
                               const yaml::Report& report)
    : map_(map),
      provider_(provider),
      parts_(parts),
      report_(report),
      fields_(map, "the provider `" + provider.id.str() + "`", report) {}

void ProviderReader::read() {
  provider_.listed = true;
  for (const ProviderSetting& setting : provider_table) (this->*setting.read)(setting);
  read_section(fields_, patience_table, provider_.patience);
  fields_.refuse_others();
  check_ground();
  judge_enabled();
}

// One of the setting's words; empty when it is absent or wrong.
std::optional<std::string> ProviderReader::word(const ProviderSetting& setting) {
  auto text = fields_.text(setting.name);
  if (!text || std::ranges::find(setting.words, *text, [](const char* one) { return std::string_view(one); }) !=
                   setting.words.end())
    return text;
  report_.error(map_.find(setting.name)->value, std::string("unknown ") + setting.name + " `" + *text + "`",
                "use " + listed(setting.words));
  return std::nullopt;
}

void ProviderReader::kind(const ProviderSetting& setting) {
  const auto kind = word(setting);
  if (kind == "openai_compatible") {
    provider_.dialect = chat::DialectId::openai_chat;
  } else if (kind == "anthropic_compatible") {
    provider_.dialect = chat::DialectId::anthropic_messages;
    provider_.auth = catalog::AuthKind::x_api_key;
  } else if (kind == "responses_compatible") {
    provider_.dialect = chat::DialectId::openai_responses;
  } else if (kind == "gemini_compatible") {
    provider_.dialect = chat::DialectId::gemini;
    provider_.auth = catalog::AuthKind::x_goog_api_key;
  } else if (kind == "azure_openai") {
    provider_.dialect = chat::DialectId::openai_chat;
    provider_.also = {chat::DialectId::openai_responses};
    provider_.quirks.official_openai = true;
    provider_.auth = catalog::AuthKind::api_key;
    provider_.quirks.max_tokens_field = catalog::MaxTokensField::max_completion_tokens;
  } else if (kind == "bedrock_converse") {
    provider_.dialect = chat::DialectId::bedrock_converse;
    provider_.auth = catalog::AuthKind::aws_sigv4;
  }
}

void ProviderReader::base_url(const ProviderSetting& setting) {
  const auto text = fields_.text(setting.name);
  if (!text) return;
  if (auto parsed = parse_base_url(*text)) {
    provider_.base_url = *std::move(parsed);
    provider_.base_url_from.clear();
    provider_.engine = false;
  } else {
    report_.error(map_.find(setting.name)->value, parsed.error().message, parsed.error().hint);
  }
}

void ProviderReader::api_key(const ProviderSetting& setting) {
  if (auto key = fields_.text(setting.name)) provider_.api_key = Secret(*std::move(key));
}

void ProviderReader::ground(const ProviderSetting& setting) {
  const auto text = word(setting);
  const auto ground = text ? catalog::ground_from_name(*text) : std::nullopt;
  if (!ground) return;
  ground_said_ = true;
  provider_.ground = *ground;
  // The operator knows where this provider runs: its word counts for every model there, for the guard above all.
  for (catalog::Model& model : parts_.models)
    if (model.provider == provider_.id) model.ground = *ground;
  // Somebody else's machine is not free: what it costs is unknown until `prices` says it.
  if (*ground != catalog::Ground::self_hosted)
    std::erase_if(parts_.prices, [&](const catalog::PriceFact& fact) {
      return fact.provider == provider_.id && fact.kind == catalog::PriceKind::self_hosted;
    });
}

void ProviderReader::auth(const ProviderSetting& setting) {
  const auto text = word(setting);
  for (const catalog::AuthKind auth : catalog::all_auth_kinds)
    if (text == catalog::name(auth)) provider_.auth = auth;
}

void ProviderReader::aws(const ProviderSetting& setting) {
  const Member* section = fields_.take(setting.name);
  if (!section) return;
  Fields fields(section->value, "`aws` of `" + provider_.id.str() + "`", report_);
  if (auto region = fields.text("region")) provider_.aws.region = *std::move(region);
  if (auto id = fields.text("access_key_id")) provider_.aws.access_key_id = *std::move(id);
  if (auto key = fields.text("secret_access_key")) provider_.aws.secret_access_key = Secret(*std::move(key));
  if (auto token = fields.text("session_token")) provider_.aws.session_token = Secret(*std::move(token));
  fields.refuse_others();
}

void ProviderReader::region(const ProviderSetting& setting) {
  if (auto text = fields_.text(setting.name)) provider_.region = *std::move(text);
}

void ProviderReader::google_key_file(const ProviderSetting& setting) {
  const auto path = fields_.text(setting.name);
  if (!path) return;
  auto account = read_service_account(*path);
  if (account)
    provider_.google = *std::move(account);
  else
    report_.error(map_.find(setting.name)->value, account.error().message, account.error().hint);
}

void ProviderReader::azure_api_version(const ProviderSetting& setting) {
  if (auto text = fields_.text(setting.name)) provider_.quirks.azure_api_version = *std::move(text);
}

void ProviderReader::vertex(const ProviderSetting& setting) {
  if (const auto on = fields_.boolean(setting.name)) provider_.quirks.vertex = *on;
  if (provider_.quirks.vertex && provider_.dialect != chat::DialectId::anthropic_messages)
    report_.error(map_.find(setting.name)->value, "`vertex` is for Claude alone", "add `kind: anthropic_compatible`");
}

void ProviderReader::stores_responses(const ProviderSetting& setting) {
  if (const auto on = fields_.boolean(setting.name)) provider_.quirks.stores_responses = *on;
}

void ProviderReader::stream_usage(const ProviderSetting& setting) {
  if (const auto text = word(setting))
    provider_.quirks.stream_usage =
        *text == "automatic" ? catalog::StreamUsage::automatic : catalog::StreamUsage::option;
}

void ProviderReader::headers(const ProviderSetting& setting) {
  const Member* member = fields_.take(setting.name);
  if (!member) return;
  const Node& node = member->value;
  if (!node.is_map() && !node.is_null())
    return report_.error(node, "`headers` must be a map, not " + describe(node), "write `headers: { x-team: search }`");
  for (const Member& header : node.members) {
    if (!is_header_name(header.key))
      report_.error_at_key(header, "`" + header.key + "` cannot be the name of a header",
                           "use letters, digits, - and _");
    else if (!header.value.is_scalar() || !is_one_line(header.value.text))
      report_.error(header.value, "the header `" + header.key + "` must be one line of text",
                    "write it as `" + header.key + ": \"value\"`");
    else
      provider_.extra_headers.emplace_back(header.key, header.value.text);
  }
}

void ProviderReader::max_in_flight(const ProviderSetting& setting) {
  if (const auto most = fields_.integer(setting.name, 0, 1'000'000)) provider_.max_in_flight = *most;
}

void ProviderReader::http_version(const ProviderSetting& setting) {
  const auto text = word(setting);
  if (!text) return;
  provider_.http = *text == "http1" ? HttpVersion::http1 : *text == "http2" ? HttpVersion::http2 : HttpVersion::offered;
}

void ProviderReader::warm_connections(const ProviderSetting& setting) {
  if (const auto count = fields_.integer(setting.name, 0, 64)) provider_.warm_connections = *count;
}

void ProviderReader::internal_links(const ProviderSetting& setting) {
  provider_.internal_links = fields_.texts(setting.name);
  for (std::string& host : provider_.internal_links) host = ascii_lowered(host);
}

void ProviderReader::enabled(const ProviderSetting& setting) { off_ = fields_.boolean(setting.name) == false; }

void ProviderReader::models(const ProviderSetting& setting) {
  const Member* section = fields_.take(setting.name);
  if (!section) return;
  for (const Node& item : section->value.items) {
    if (item.is_scalar())
      add_model(parts_, provider_, item.text).retires.reset();  // who names it says that it is there
    else
      report_.error(item, "a model must be a name, not " + describe(item),
                    "write `models: [name, other]`, or a map of names");
  }
  for (const Member& member : section->value.members) {
    catalog::Model& model = add_model(parts_, provider_, member.key);
    model.retires.reset();
    Fields fields(member.value, "the model `" + member.key + "`", report_);
    if (const auto context = fields.integer("context", 1, 100'000'000)) model.context = *context;
    if (const auto output = fields.integer("max_output", 1, 100'000'000)) model.max_output = *output;
    if (const auto tools = fields.boolean("tools")) model.tools = *tools;
    if (const auto images = fields.boolean("images")) model.images = *images;
    if (auto licence = fields.text("licence")) model.licence = *std::move(licence);
    fields.refuse_others();
  }
  if (section->value.is_scalar())
    report_.error(section->value, "`models` must be a list or a map, not " + describe(section->value));
}

void ProviderReader::prices(const ProviderSetting& setting) {
  const Member* section = fields_.take(setting.name);
  if (!section) return;
  if (!section->value.is_map())
    return report_.error(section->value, "`prices` must be a map of models, not " + describe(section->value),
                         "write `prices: { their-model: { input: 5.00, output: 25.00 } }`, USD per million tokens");
  for (const Member& member : section->value.members) {
    add_model(parts_, provider_, member.key);
    const auto model = std::ranges::find_if(
        parts_.models, [&](const catalog::Model& one) { return one.provider == provider_.id && one.id == member.key; });
    const ModelName name = model == parts_.models.end() ? ModelName(member.key) : model->name;
    const auto read = [&](const Node& one) {
      catalog::PriceFact fact{.provider = provider_.id, .model = name};
      Fields fields(one, "the price of `" + member.key + "`", report_);
      catalog::read_price(fields, one, report_, fact);
      fields.refuse_others();
      fact.source_kind = catalog::SourceKind::contract;
      if (fact.source.empty()) fact.source = "configuration";
      parts_.prices.push_back(std::move(fact));
    };
    // Several: one for each service tier, region, hours of the day, or time from which it holds.
    if (member.value.is_list())
      for (const Node& one : member.value.items) read(one);
    else
      read(member.value);
  }
}

// What must stay on the own ground must provably stay there.
void ProviderReader::check_ground() {
  const Member* url = map_.find("base_url");
  const std::string& host = provider_.base_url.endpoint.host;
  if (!url || ground_said_ || provider_.ground != catalog::Ground::self_hosted || host.empty() || is_private_host(host))
    return;
  report_.error(url->value,
                "`" + provider_.id.str() + "` counts as self_hosted, but nothing shows that " + host + " is your own",
                "add `ground: self_hosted` if you run it, else `ground: hosted_open`: restricted data goes to "
                "self_hosted only");
}

// What is listed is meant to be used; an engine needs no key.
void ProviderReader::judge_enabled() {
  provider_.enabled = !off_ && (!provider_.api_key.empty() || provider_.auth == catalog::AuthKind::none ||
                                provider_.ground == catalog::Ground::self_hosted);
  if (provider_.enabled) provider_.how_to_enable.clear();
  if (off_) provider_.how_to_enable = "it is switched off in the configuration (`enabled: false`)";
}

catalog::Model& add_model(Snapshot::Parts& parts, const catalog::Provider& provider, const std::string& name) {
  const auto known = std::ranges::find_if(parts.models, [&](const catalog::Model& model) {
    return model.provider == provider.id && (model.name.str() == name || model.id == name);
  });
  if (known != parts.models.end()) return *known;
  // Nothing is known of it, so nothing is refused because of it.
  parts.models.push_back({.provider = provider.id,
                          .name = ModelName(name),
                          .id = name,
                          .display_name = name,
                          .licence = "not stated",
                          .tools = true,
                          .images = true,
                          .ground = provider.ground,
                          .source = "configuration"});
  return parts.models.back();
}

}  // namespace sluice::config
