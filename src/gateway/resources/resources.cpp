#include "gateway/resources/resources.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/percent.h"
#include "base/query.h"
#include "dialects/form_data.h"
#include "dialects/resources/caches.h"
#include "gateway/call/hosting.h"
#include "gateway/resources/desk.h"

namespace sluice::gateway {
namespace {

using dialects::Reference;

constexpr std::int64_t day_us = 86'400'000'000;
constexpr std::size_t most_asked_at_once = 1'000;  // ids; in between the desk answers others

std::unexpected<Error> unknown(const Reference& reference) {
  if (std::string_view(reference.id).starts_with(dialects::looked_at))
    return std::unexpected(Error{
        .kind = ErrorKind::invalid_request,
        .message = "what the requests in the file '" + reference.id.substr(dialects::looked_at.size(), 128) +
                   "' name is not known to be the caller's",
        .hint = "upload the requests, one JSON object a line, in one piece (the SDKs do so up to 8 MB) after the files "
                "and caches that they name; or send them in the batch itself",
        .param = reference.member});
  const bool response = reference.member == "previous_response_id";
  constexpr std::size_t most_shown = 128;
  return std::unexpected(Error{
      .kind = ErrorKind::not_found,
      .message = "there is no " + std::string(response ? "response" : "resource") + " '" +
                 reference.id.substr(0, most_shown) + "'" +
                 (reference.member == "id" ? "" : ", which the request names"),
      .hint = "use an id that a call with a key of the same tenant has given; what is forgotten or deleted has none",
      .param = reference.member == "id" ? "" : reference.member,
      .code = response ? "previous_response_not_found" : "resource_not_found"});
}

// The cursor of a list is an id, too: whether a provider knows it would tell of others' things.
void add_cursor(const dialects::ResourceCall& call, std::string_view query, std::vector<Reference>& found) {
  if (!call.is_list()) return;
  while (const auto one = take_parameter(query)) {
    std::string name = percent_decoded(one->name, true).value_or("");
    if (!one->value.empty() && (name == "after" || name == "before" || name == "after_id" || name == "before_id"))
      found.push_back({std::move(name), std::string(one->value)});
  }
}

constexpr std::string_view batch_purpose = "batch";
constexpr std::string_view uploads = "/uploads";

Error not_in_parts(const char* what, const char* param) {
  return {.kind = ErrorKind::invalid_request,
          .message = what,
          .hint = "send the file whole, with POST /v1/files",
          .param = param};
}

std::string_view text_of(std::string_view body, const dialects::FormField& field) {
  return body.substr(field.value.begin, field.value.end - field.value.begin);
}

// The requests of a batch are made in the name of the gateway's account, so what they name is looked at when their file
// comes in.
Result<void> add_batch(std::string_view body, const std::vector<dialects::FormField>& fields,
                       std::vector<Reference>& found) {
  TRY(const dialects::FormField* purpose, dialects::find_field(fields, "purpose"));
  if (!purpose || text_of(body, *purpose) != batch_purpose) return {};
  for (const dialects::FormField& field : fields) {
    if (!field.file) continue;
    TRY(std::vector<Reference> named, dialects::references_of_batch(text_of(body, field)));
    std::ranges::move(named, std::back_inserter(found));
  }
  return {};
}

Result<std::vector<Reference>> named_by(dialects::DialectId dialect, const DecodedRequest& request) {
  TRY(std::vector<Reference> found, dialects::references(dialect, request.body, request.parsed));
  const auto& call = request.target.resource;
  const std::string_view model = call && call->method_of_model.empty()
                                     ? request.parsed.root()["model"].string().value_or("")
                                     : std::string_view(request.outline.model);
  if (std::string_view name = dialects::fine_tuned_name(model); !name.empty())
    found.push_back({std::string(dialects::model_member), std::string(name)});
  if (!call) return found;
  if (!call->id.empty() && !call->is_shared) found.push_back({"id", call->id});
  add_cursor(*call, request.target.query, found);
  if (!request.outline.form_type.empty()) {
    TRY(const auto fields, dialects::read_form(request.body, request.outline.form_type));
    TRY(const dialects::FormField* file, dialects::find_field(fields, "file_id"));
    if (file) found.push_back({"file_id", std::string(text_of(request.body, *file))});
    CHECK_OK(add_batch(request.body, fields, found));
  }
  // Its lines may be cut anywhere, so nobody could look at them.
  if (call->collection == uploads && call->is_create() && request.parsed.root()["purpose"].string() == batch_purpose)
    return std::unexpected(not_in_parts("the requests of a batch are not taken in parts", "purpose"));
  return found;
}

// Of what a request names, the models.
std::vector<std::string> take_models(std::vector<Reference>& named) {
  std::vector<std::string> models;
  std::erase_if(named, [&](const Reference& one) {
    if (one.member != dialects::model_member) return false;
    models.push_back(one.id);
    return true;
  });
  return models;
}

// Errors: not_found for a model that another's fine-tuning has made.
async::Task<Result<void>> check_models(Gateway& gateway, std::string owner, std::vector<std::string> models,
                                       async::Deadline deadline) {
  std::function<Result<std::string>(store::ResourceStore&)> ask =
      [owner = std::move(owner), models = std::move(models)](store::ResourceStore& store) -> Result<std::string> {
    for (const std::string& model : models) {
      TRY(const bool is_another, store.is_model_of_another(owner, model));
      if (is_another) return model;
    }
    return std::string();
  };
  CO_TRY(const std::string foreign,
         co_await DeskQuestion<std::string>(gateway.reactor, gateway.desk, std::move(ask), deadline));
  if (foreign.empty()) co_return Result<void>();
  constexpr std::size_t most_shown = 128;
  co_return std::unexpected(Error{.kind = ErrorKind::not_found,
                                  .message = "there is no model '" + foreign.substr(0, most_shown) + "'",
                                  .hint = "a fine-tuned model answers to the keys of the tenant whose job has made it",
                                  .param = std::string(dialects::model_member),
                                  .code = "model_not_found"});
}

// Google Cloud has the caches alone: files and batches are in its buckets.
bool has_api(const catalog::Provider& provider, dialects::DialectId dialect, const dialects::ResourceCall& call) {
  const bool in_cloud = !account_of(provider.base_url).empty();
  return provider.speaks(dialect) && !(call.is_google && in_cloud && call.collection != dialects::caches);
}

Error must_say_which(const config::Snapshot& snapshot, dialects::DialectId dialect,
                     const dialects::ResourceCall& call) {
  std::string names;
  for (const catalog::Provider& provider : snapshot.providers())
    if (provider.enabled && has_api(provider, dialect, call)) names += (names.empty() ? "" : ", ") + provider.id.str();
  if (names.empty())
    return {.kind = ErrorKind::not_found,
            .message = "no provider is configured that keeps such things",
            .hint = "the operator can configure one, such as OPENAI_API_KEY for openai",
            .code = "provider_not_configured"};
  return {.kind = ErrorKind::invalid_request,
          .message = "several providers could keep this, and the request does not say which",
          .hint = "send the header " + std::string(provider_header) + " with one of: " + names,
          .param = std::string(provider_header),
          .code = "provider_required"};
}

// For what is yet to be made: the vendor whose API this is, else the only one that has this API. Engines keep nothing.
const catalog::Provider* usual_provider(const config::Snapshot& snapshot, dialects::DialectId dialect,
                                        const dialects::ResourceCall& call) {
  const catalog::Provider* vendor =
      snapshot.find_provider(dialect == dialects::DialectId::anthropic_resources ? "anthropic"
                             : dialect == dialects::DialectId::gemini_resources  ? "gemini"
                                                                                 : "openai");
  if (vendor && vendor->enabled) return vendor;
  const catalog::Provider* only = nullptr;
  for (const catalog::Provider& provider : snapshot.providers()) {
    if (!provider.enabled || provider.engine || !has_api(provider, dialect, call)) continue;
    if (only) return nullptr;
    only = &provider;
  }
  return only;
}

struct Maker {
  const catalog::Provider* provider = nullptr;
  ModelName model;  // what it calls the model
};

// Who makes a thing of a model: the first of those that have it and this API, as route() orders them. One that may not
// be asked comes last, for its reason.
Result<Maker> maker_of(std::string_view model, dialects::DialectId dialect, const dialects::ResourceCall& call,
                       std::string_view asked_for, const Verdict& verdict, const config::Snapshot& snapshot) {
  std::optional<Maker> forbidden;
  const auto fits = [&](const config::Candidate& candidate) {
    const catalog::Provider* provider = candidate.provider;
    return provider && has_api(*provider, dialect, call) && (asked_for.empty() || provider->id.str() == asked_for);
  };
  const config::Candidate outside = snapshot.outside_catalog(model);
  std::vector<const config::Candidate*> candidates{&outside};
  if (const config::Target* target = snapshot.find(model))
    candidates.assign(target->candidates.begin(), target->candidates.end());
  for (const config::Candidate* candidate : candidates) {
    if (!fits(*candidate)) continue;
    const Maker maker{candidate->provider, candidate->model_name};
    if (candidate->provider->enabled && verdict.allows(candidate->ground)) return maker;
    if (!forbidden) forbidden = maker;
  }
  if (forbidden) return *forbidden;
  constexpr std::size_t most_shown = 128;
  return std::unexpected(Error{
      .kind = ErrorKind::not_found,
      .message = "there is no model '" + std::string(model.substr(0, most_shown)) + "' at a provider that keeps this",
      .hint = "name a model of Google, as models/gemini/MODEL or models/vertex/MODEL; GET /v1beta/models lists them",
      .param = "model",
      .code = "model_not_found"});
}

}  // namespace

std::vector<InternalLink> links_of(const DecodedRequest& request) {
  const std::optional<dialects::ResourceCall>& call = request.target.resource;
  if (!call || request.outline.form_type.empty()) return internal_links(request.parsed.root());
  std::vector<InternalLink> found;
  const auto fields = dialects::read_form(request.body, request.outline.form_type);
  if (!fields) return found;  // locate() says why
  // Not every engine asks whether a file is meant for a batch.
  for (const dialects::FormField& field : *fields)
    if (field.file) std::ranges::move(internal_links_of_batch(text_of(request.body, field)), std::back_inserter(found));
  return found;
}

std::string owner_of(const store::VirtualKey& key) {
  return key.tenant.str().empty() ? "key:" + key.id.str() : "tenant:" + key.tenant.str();
}

async::Task<Result<std::string>> locate(Gateway& gateway, const std::string& owner, dialects::DialectId dialect,
                                        const DecodedRequest& request, async::Deadline deadline) {
  CO_TRY(std::vector<Reference> named, named_by(dialect, request));
  if (std::vector<std::string> models = take_models(named); !models.empty())
    CO_CHECK_OK(co_await check_models(gateway, owner, std::move(models), deadline));
  if (named.empty()) co_return std::string();
  using Providers = std::vector<std::optional<std::string>>;
  const std::int64_t now_us = gateway.time.unix_us();
  std::string keeper;
  for (std::size_t from = 0; from < named.size(); from += most_asked_at_once) {
    const std::span<const Reference> part =
        std::span(named).subspan(from, std::min(most_asked_at_once, named.size() - from));
    std::function<Result<Providers>(store::ResourceStore&)> ask =
        [owner, part = std::vector(part.begin(), part.end()),
         now_us](store::ResourceStore& store) -> Result<Providers> {
      Providers found;
      for (const Reference& reference : part) {
        TRY(auto provider, store.provider_of(owner, reference.id, now_us));
        found.push_back(std::move(provider));
      }
      return found;
    };
    CO_TRY(const Providers found,
           co_await DeskQuestion<Providers>(gateway.reactor, gateway.desk, std::move(ask), deadline));
    if (from == 0) keeper = found.front().value_or("");
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (!found[i]) co_return unknown(part[i]);
      if (*found[i] != keeper)
        co_return std::unexpected(Error{.kind = ErrorKind::invalid_request,
                                        .message = "the request names things that two providers keep, '" + keeper +
                                                   "' and '" + *found[i] + "'; no provider knows both",
                                        .hint = "name things of one of them",
                                        .param = part[i].member});
    }
  }
  co_return keeper;
}

Result<Plan> route_resource(const dialects::ResourceCall& call, dialects::DialectId dialect, std::string_view model,
                            std::string_view kept_by, std::string_view asked_for, bool budgeted, const Verdict& verdict,
                            const config::Snapshot& snapshot, const EngineStates& engines,
                            std::span<const InternalLink> links, const config::Workload* workload) {
  const catalog::Provider* provider = nullptr;
  ModelName billed_model(std::string(call.collection.substr(1)));
  if (dialect == dialects::DialectId::gemini_resources && call.is_create() && !call.is_upload) {
    TRY(const Maker maker, maker_of(model, dialect, call, kept_by.empty() ? asked_for : kept_by, verdict, snapshot));
    provider = maker.provider;
    billed_model = maker.model;
  } else if (!kept_by.empty() || !asked_for.empty()) {
    const std::string_view name = kept_by.empty() ? asked_for : kept_by;
    provider = snapshot.find_provider(name);
    if (!provider || !has_api(*provider, dialect, call))
      return std::unexpected(
          Error{.kind = kept_by.empty() ? ErrorKind::invalid_request : ErrorKind::unavailable,
                .message = "the provider '" + std::string(name.substr(0, 64)) +
                           (provider ? "' has no such API" : "' is not configured"),
                .hint = kept_by.empty() ? "name a provider that has it in " + std::string(provider_header)
                                        : "the operator has taken it out of the configuration since this was made",
                .param = kept_by.empty() ? std::string(provider_header) : std::string()});
  } else {
    provider = usual_provider(snapshot, dialect, call);
    if (!provider) return std::unexpected(must_say_which(snapshot, dialect, call));
  }
  // The lines of its parts may be cut anywhere, so nobody could look at the links in them; and not every engine asks
  // whether a file is meant for a batch.
  if (call.collection == uploads && call.is_create() && provider->ground == catalog::Ground::self_hosted)
    return std::unexpected(not_in_parts("files for an engine of one's own are not taken in parts", ""));
  auto candidate = std::make_unique<config::Candidate>();
  candidate->provider = provider;
  candidate->model_name = std::move(billed_model);
  candidate->name = provider->id.str() + std::string(call.collection);
  candidate->ground = provider->ground;
  return route_to(
      std::move(candidate), call.is_free ? free_of_charge() : catalog::Quote(),
      {.model = {}, .dialect = dialect, .internal_links = links, .budgeted = budgeted, .workload = workload}, verdict,
      engines);
}

void remember_call(Gateway& gateway, const std::string& owner, const std::string& provider,
                   const dialects::ResourceCall& call, json::Value answer, std::string_view whole_upload) {
  std::vector<std::string> ids = dialects::kept_by_call(call, answer);
  const std::optional<std::int64_t> until_us = dialects::kept_until_us(call, answer);
  if (std::vector<std::string> models = dialects::models_made(call, answer); !models.empty())
    (void)gateway.desk.hand_in([=](store::ResourceStore& store) { return store.own_models(owner, models); });
  (void)gateway.desk.hand_in([=, forgotten = call.is_delete() ? call.id : std::string()](store::ResourceStore& store) {
    if (!forgotten.empty()) return store.remove(owner, forgotten);
    return ids.empty() ? Result<void>() : store.add(owner, provider, ids, until_us);
  });
  if (ids.empty() || whole_upload.empty()) return;
  auto named = dialects::references_of_google_batch(whole_upload);
  if (!named) return;  // no requests
  const std::string mark = std::string(dialects::looked_at) + ids.front();
  (void)gateway.desk.hand_in(
      [=, named = *std::move(named), now_us = gateway.time.unix_us()](store::ResourceStore& store) -> Result<void> {
        for (const Reference& one : named) {
          TRY(const auto keeper, store.provider_of(owner, one.id, now_us));
          if (keeper != provider) return {};
        }
        return store.add(owner, provider, std::span(&mark, 1), until_us);
      });
}

void remember_answer(Gateway& gateway, const std::string& owner, const std::string& provider,
                     std::vector<std::string> ids, std::int64_t now_us) {
  constexpr std::int64_t kept_for_us = 30 * day_us;
  if (ids.empty()) return;
  (void)gateway.desk.hand_in(
      [=](store::ResourceStore& store) { return store.add(owner, provider, ids, now_us + kept_for_us); });
}

}  // namespace sluice::gateway
