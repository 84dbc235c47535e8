#include "gateway/resources/conversation.h"

#include <algorithm>
#include <charconv>

#include "base/query.h"
#include "dialects/fields.h"
#include "gateway/resources/desk.h"

namespace sluice::gateway {
namespace {

using Responses = std::vector<store::StoredResponse>;

constexpr std::int64_t day_us = 86'400'000'000;

void write_text(json::Writer& writer, std::string_view text, std::string_view type) {
  writer.begin_array().begin_object().member("type", type).member("text", text);
  if (type == "output_text") writer.key("annotations").begin_array().end_array();
  writer.end_object().end_array();
}

// The input as an array of items: text alone is a message of the user. Items without an id get one.
std::string input_items(json::Value input, std::string_view response_id) {
  std::string out;
  json::Writer writer(out);
  writer.begin_array();
  const std::string prefix = "msg_in_" + std::string(response_id.substr(response_id.find('_') + 1)) + "_";
  if (const auto text = input.string()) {
    writer.begin_object().member("id", prefix + "0").member("type", "message").member("role", "user");
    writer.key("content");
    write_text(writer, *text, "input_text");
    writer.end_object();
  }
  std::int64_t place = 0;
  for (const json::Value& item : input.elements()) {
    writer.begin_object();
    if (!item["id"].is_string()) writer.member("id", prefix + std::to_string(place));
    if (!item["type"].exists() && item["role"].exists()) writer.member("type", "message");
    for (const auto& [name, value] : item.members()) {
      if (name == "id" && !value.is_string()) continue;
      writer.key(name);
      if (const auto text = value.string(); text && name == "content")
        write_text(writer, *text, item["role"].string() == "assistant" ? "output_text" : "input_text");
      else
        writer.raw(value.text());
    }
    writer.end_object();
    ++place;
  }
  writer.end_array();
  return out;
}

// The response whose item has this id: "msg_" or the like, the answer's own id, the item's place. Empty for others.
std::string response_of_item(std::string_view item_id) {
  const std::size_t first = item_id.find('_');
  const std::size_t last = item_id.rfind('_');
  if (first == std::string_view::npos || first == last) return {};
  return "resp_" + std::string(item_id.substr(first + 1, last - first - 1));
}

void append_kept(json::Writer& writer, std::string_view answer) {
  if (const auto parsed = json::Document::parse(answer)) append_output(writer, parsed->root());
}

void append_items(json::Writer& writer, std::string_view items) {
  const auto parsed = json::Document::parse(items);
  if (!parsed) return;
  for (const json::Value& item : parsed->root().elements()) writer.raw(item.text());
}

// What a request asks to be recalled.
struct Wanted {
  std::string previous;
  std::vector<std::string> items;      // ids that it refers to
  std::vector<std::string> responses;  // that these belong to
  bool nothing() const { return previous.empty() && items.empty(); }
};

Wanted wanted_by(json::Value root) {
  Wanted wanted{.previous = std::string(root["previous_response_id"].string().value_or(""))};
  for (const json::Value& item : root["input"].elements()) {
    if (item["type"].string() != "item_reference") continue;
    const std::string_view id = item["id"].string().value_or("");
    std::string response = response_of_item(id);
    if (response.empty() || wanted.items.size() == store::ResourceStore::longest_conversation) continue;
    wanted.items.emplace_back(id);
    if (std::ranges::find(wanted.responses, response) == wanted.responses.end())
      wanted.responses.push_back(std::move(response));
  }
  return wanted;
}

struct Recalled {
  Responses conversation;
  Responses holders;  // of items that are referred to
};

// The item itself, or nothing.
std::string find_item(const Responses& holders, std::string_view id) {
  for (const store::StoredResponse& holder : holders) {
    const auto answer = json::Document::parse(holder.answer);
    if (!answer) continue;
    for (const json::Value& item : answer->root()["output"].elements())
      if (item["id"].string() == id) return item.text();
  }
  return {};
}

// The request with all that it stands on in its input.
std::string whole_body(json::Value root, const Recalled& recalled) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  for (const auto& [name, value] : root.members())
    if (name != "input" && (name != "previous_response_id" || recalled.conversation.empty()))
      writer.key(name).raw(value.text());
  writer.key("input").begin_array();
  for (const store::StoredResponse& earlier : recalled.conversation) {
    append_items(writer, earlier.input);
    append_kept(writer, earlier.answer);
  }
  const json::Value own = root["input"];
  if (const auto text = own.string())
    writer.begin_object().member("role", "user").member("content", *text).end_object();
  for (const json::Value& item : own.elements()) {
    std::string found;
    if (item["type"].string() == "item_reference")
      found = find_item(recalled.holders, item["id"].string().value_or(""));
    writer.raw(found.empty() ? item.text() : found);
  }
  writer.end_array().end_object();
  return body;
}

std::unexpected<Error> refuse(ErrorKind kind, std::string_view param, std::string_view why) {
  return std::unexpected(
      Error{.kind = kind, .message = std::string(param) + ": " + std::string(why), .param = std::string(param)});
}

// GET /responses/ID/input_items: all that the answer stands on, newest first unless it asks otherwise.
// Errors: invalid_request for what is no size and no order; not_found for an `after` that is none of its items.
Result<std::string> list_input(const Responses& conversation, std::string_view query) {
  constexpr std::size_t usual_page = 20;
  constexpr std::size_t largest_page = 100;
  std::string all;
  json::Writer items(all);
  items.begin_array();
  for (const store::StoredResponse& one : conversation) {
    append_items(items, one.input);
    if (&one != &conversation.back()) append_kept(items, one.answer);
  }
  items.end_array();
  const auto parsed = json::Document::parse(all);
  std::vector<json::Value> page = parsed ? parsed->root().elements() : std::vector<json::Value>();
  std::size_t limit = usual_page;
  std::string_view after;
  bool ascending = false;
  while (const auto one = take_parameter(query)) {
    const std::string_view value = one->value;
    if (one->name == "limit") {
      const auto [end, wrong] = std::from_chars(value.data(), value.data() + value.size(), limit);
      if (wrong != std::errc() || end != value.data() + value.size() || limit < 1 || limit > largest_page)
        return refuse(ErrorKind::invalid_request, "limit", "a number from 1 to 100 is expected");
    }
    if (one->name == "after") after = value;
    if (one->name == "order") {
      ascending = value == "asc";
      if (!ascending && value != "desc") return refuse(ErrorKind::invalid_request, "order", "it must be asc or desc");
    }
  }
  if (!ascending) std::ranges::reverse(page);
  const auto cursor = std::ranges::find_if(page, [&](json::Value item) { return item["id"].string() == after; });
  if (!after.empty() && cursor == page.end())
    return refuse(ErrorKind::not_found, "after", "there is no item of this id among those of the response");
  if (!after.empty()) page.erase(page.begin(), cursor + 1);
  const bool has_more = page.size() > limit;
  if (has_more) page.resize(limit);
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("object", "list").key("data").begin_array();
  for (const json::Value& item : page) writer.raw(item.text());
  writer.end_array();
  for (const char* name : {"first_id", "last_id"}) {
    writer.key(name);
    if (page.empty())
      writer.null();
    else
      writer.string((*name == 'f' ? page.front() : page.back())["id"].string().value_or(""));
  }
  writer.member("has_more", has_more).end_object();
  return body;
}

std::string deleted(std::string_view id) {
  std::string body;
  json::Writer(body).begin_object().member("id", id).member("object", "response").member("deleted", true).end_object();
  return body;
}

}  // namespace

void append_output(json::Writer& writer, json::Value answer) {
  for (const json::Value& item : answer["output"].elements())
    if (item["type"].string() != "reasoning" || item["encrypted_content"].is_string()) writer.raw(item.text());
}

async::Task<Result<void>> recall(Gateway& gateway, const std::string& owner, const dialects::Dialect& dialect,
                                 DecodedRequest& request, async::Deadline deadline) {
  const json::Value root = request.parsed.root();
  const Wanted wanted = wanted_by(root);
  if (wanted.nothing()) co_return Result<void>();
  const auto most_bytes = static_cast<std::size_t>(gateway.snapshots.load()->server().max_body_bytes);
  const std::int64_t now_us = gateway.time.unix_us();
  std::function<Result<Recalled>(store::ResourceStore&)> ask = [=](store::ResourceStore& store) -> Result<Recalled> {
    Recalled found;
    if (!wanted.previous.empty()) {
      TRY(found.conversation, store.conversation(owner, wanted.previous, now_us, most_bytes));
    }
    for (const std::string& response : wanted.responses) {
      TRY(auto holder, store.find(owner, response, now_us));
      if (holder) found.holders.push_back(*std::move(holder));
    }
    return found;
  };
  CO_TRY(const Recalled recalled,
         co_await DeskQuestion<Recalled>(gateway.reactor, gateway.desk, std::move(ask), deadline));
  if (recalled.conversation.empty() && recalled.holders.empty()) co_return Result<void>();

  std::string own_input = root["input"].text();
  std::string body = whole_body(root, recalled);
  if (body.size() > most_bytes)
    co_return fail(ErrorKind::request_too_large, "the conversation behind previous_response_id is too long",
                   "send a summary of it as input and begin a new one");
  CO_TRY(json::Document parsed, json::Document::parse_in_place(body));
  CO_TRY(dialects::RequestOutline outline, dialect.outline(body, parsed, request.target));
  request = {std::move(body), std::move(parsed), std::move(outline), std::move(request.target)};
  request.own_input = std::move(own_input);
  if (!recalled.conversation.empty()) request.previous_response_id = wanted.previous;
  for (const Responses* kept : {&recalled.conversation, &recalled.holders})
    for (const store::StoredResponse& one : *kept)
      request.recalled_class = stricter(request.recalled_class, one.data_class);
  co_return Result<void>();
}

void keep_response(Gateway& gateway, const std::string& owner, const DecodedRequest& request, DataClass data_class,
                   std::string answer, std::int64_t now_us, const config::ResponsesSettings& settings) {
  const auto parsed = json::Document::parse(answer);
  if (!parsed) return;
  const std::string_view status = parsed->root()["status"].string().value_or("");
  const std::string_view id = parsed->root()["id"].string().value_or("");
  if (id.empty() || (status != "completed" && status != "incomplete")) return;
  std::string input;
  if (request.own_input.empty()) {
    input = input_items(request.parsed.root()["input"], id);
  } else if (const auto own = json::Document::parse(request.own_input)) {
    input = input_items(own->root(), id);
  }
  store::StoredResponse kept{.id = std::string(id),
                             .previous_id = request.previous_response_id,
                             .input = std::move(input),
                             .answer = std::move(answer),
                             .data_class = data_class};
  const std::size_t bytes = kept.input.size() + kept.answer.size();
  const std::int64_t until_us = now_us + settings.keep_days * day_us;
  const std::int64_t most_bytes = settings.max_mb << 20;
  (void)gateway.desk.hand_in([owner, kept = std::move(kept), until_us, most_bytes](
                                 store::ResourceStore& store) { return store.keep(owner, kept, until_us, most_bytes); },
                             bytes);
}

async::Task<Result<std::optional<std::string>>> answer_from_kept(Gateway& gateway, const std::string& owner,
                                                                 const dialects::ResourceCall& call,
                                                                 std::string_view query, std::size_t most_bytes,
                                                                 async::Deadline deadline) {
  const std::string_view what = std::string_view(call.path).substr(call.collection.size() + 1 + call.id.size());
  const std::int64_t now_us = gateway.time.unix_us();
  const bool whole_conversation = what == "/input_items";
  std::function<Result<Responses>(store::ResourceStore&)> ask =
      [=, id = call.id, erase = call.is_delete()](store::ResourceStore& store) -> Result<Responses> {
    if (whole_conversation) {
      TRY(Responses all, store.conversation(owner, id, now_us, most_bytes));
      if (!all.empty()) return all;  // else it may be there, though what it stood on has been deleted
    }
    TRY(std::optional<store::StoredResponse> one, store.find(owner, id, now_us));
    if (!one) return Responses();
    if (erase) {
      TRY([[maybe_unused]] const bool was_there, store.remove_response(owner, id));
    }
    return Responses{*std::move(one)};
  };
  CO_TRY(const Responses found,
         co_await DeskQuestion<Responses>(gateway.reactor, gateway.desk, std::move(ask), deadline));
  std::optional<std::string> body;
  if (found.empty()) co_return body;
  if (call.is_delete()) {
    body = deleted(call.id);
  } else if (call.method == "GET" && whole_conversation) {
    CO_TRY(body, list_input(found, query));
  } else if (call.method == "GET" && what.empty() && !query.contains("stream=true")) {
    body = found.back().answer;
  } else {
    co_return fail(ErrorKind::invalid_request,
                   "the response '" + call.id + "' is not a background response: it is complete",
                   "read it with GET /v1/responses/ID, its input with GET /v1/responses/ID/input_items");
  }
  co_return body;
}

}  // namespace sluice::gateway
