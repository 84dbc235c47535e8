// Lane 1: the few facts of a request, the path, and the one change that is made to its bytes.
#include "dialects/gemini/message.h"
#include "dialects/gemini/parts.h"
#include "dialects/shared_parts.h"
#include "dialects/text_scan.h"

namespace sluice::dialects::gemini {
namespace {

constexpr std::int64_t max_candidates = 8;  // the API's own limit
// The base64 of the mark of every sealed text, after the quote that begins its string.
constexpr std::string_view sealed_begin = "\"c2x1aWNlLXNlYWxlZDo";

void count_images_of(const Message& request, RequestOutline& outline) {
  for (const json::Value& content : repeated(request["contents"]))
    for (const json::Value& part : repeated(content["parts"])) {
      const auto fields = Message::of(part, "");
      if (!fields) continue;
      for (const std::string_view member : {"inlineData", "fileData"}) {
        const auto blob = Message::of((*fields)[member], "");
        if (!blob || !(*blob)["mimeType"].string().value_or("").starts_with("image/")) continue;
        ++outline.images;
        outline.image_bytes += (*blob)["data"].string().value_or("").size();
      }
    }
}

// Whether the string that begins at `quote` is the value of a thought's signature.
bool is_signature(std::string_view body, std::size_t quote) {
  const auto cut_blanks = [](std::string_view text) {
    const std::size_t last = text.find_last_not_of(" \t\r\n");
    return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
  };
  std::string_view before = cut_blanks(body.substr(0, quote));
  if (!before.ends_with(':')) return false;
  before = cut_blanks(before.substr(0, before.size() - 1));
  return before.ends_with("\"thoughtSignature\"") || before.ends_with("\"thought_signature\"");
}

// Of the string whose text begins at `from`; what is escaped in it does not end it.
std::size_t closing_quote(std::string_view body, std::size_t from) {
  while (from < body.size() && body[from] != '"') from += body[from] == '\\' ? 2 : 1;
  return from;
}

// Where the string begins that is the value of the member in whose name `at` stands; the end when there is none.
std::size_t value_of_member(std::string_view body, std::size_t at) {
  const std::size_t end = closing_quote(body, at);
  const std::size_t colon = body.find_first_not_of(" \t\r\n", std::min(end + 1, body.size()));
  if (colon == std::string_view::npos || body[colon] != ':') return body.size();
  const std::size_t quote = body.find_first_not_of(" \t\r\n", colon + 1);
  return quote != std::string_view::npos && body[quote] == '"' ? quote : body.size();
}

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

Result<std::vector<std::optional<json::Span>>> find_once(std::string_view object,
                                                         const std::vector<std::string_view>& names) {
  std::vector<std::optional<json::Span>> found;
  for (const std::string_view name : names) {
    const std::string snake = snake_case(name);
    TRY(const auto one, json::find_members(object, {name}));
    found.push_back(one.front());
    if (snake == name) continue;
    TRY(const auto other, json::find_members(object, {snake}));
    if (!other.front()) continue;
    if (found.back()) return bad_field(snake, "it is there twice, as " + std::string(name) + " too");
    found.back() = other.front();
  }
  return found;
}

Result<RequestOutline> outline(std::string_view body, const json::Document& parsed, const RequestTarget& target) {
  TRY(const Message request, Message::of(parsed.root(), ""));
  RequestOutline result;
  result.model = target.model;
  result.stream = target.stream;
  result.json_array = target.json_array;
  result.wants_stream_usage = true;
  TRY(const std::vector<json::Value> contents, request.required_messages("contents"));
  for (std::size_t i = 0; i < contents.size(); ++i)
    if (!contents[i].is_object()) return bad_field(path_of("contents", i), "it must be an object");
  TRY(const std::vector<json::Value> tools, request.messages("tools"));
  result.has_tools = !tools.empty();
  TRY(const auto spans, find_once(body, {"contents", "tools", "generationConfig", "systemInstruction"}));
  TRY(const auto config, request.message("generationConfig"));
  if (config) {
    TRY(result.max_output_tokens, config->integer("maxOutputTokens", 1, max_tokens_limit));
    TRY(const auto candidates, config->integer("candidateCount", 1, max_candidates));
    result.choices = candidates.value_or(1);
    CHECK_OK(find_once(body.substr(spans[2]->begin, spans[2]->end - spans[2]->begin),
                       {"maxOutputTokens", "candidateCount"}));
  }
  if (body.contains("image/")) count_images_of(request, result);
  return result;
}

std::string without_foreign_signatures(std::string_view body, const BodyEdit& edit) {
  std::string out;
  std::size_t copied = 0;
  // Known signatures may begin with anything, so then all strings are looked at that follow such a member's name.
  const std::string_view wanted = edit.is_foreign ? std::string_view("hought") : sealed_begin;
  for (std::size_t at = body.find(wanted); at != std::string_view::npos; at = body.find(wanted, at + 1)) {
    const std::size_t quote = edit.is_foreign ? value_of_member(body, at) : at;
    if (quote >= body.size()) continue;
    const std::size_t end = closing_quote(body, quote + 1);
    if (end >= body.size() || !is_signature(body, quote)) continue;
    const std::string_view state = body.substr(quote + 1, end - quote - 1);
    if (!body.substr(quote).starts_with(sealed_begin) && !(edit.is_foreign && edit.is_foreign(state))) continue;
    out.append(body.substr(copied, quote + 1 - copied)).append(skip_signature);
    copied = end;
  }
  if (copied > 0 && edit.dropped_params) edit.dropped_params->emplace_back("contents.parts.thoughtSignature");
  return out.append(body.substr(copied));
}

std::string with_account(std::string body, std::string_view account) {
  const auto rename = [&](json::Span object) {
    const auto found =
        find_once(std::string_view(body).substr(object.begin, object.end - object.begin), {"cachedContent"});
    if (!found || !found->front()) return;
    const std::size_t quote = object.begin + found->front()->begin;
    if (body[quote] == '"') body.insert(quote + 1, std::string(account) + "/");
  };
  if (!has_word(body, "ached", 0)) return body;
  const auto counted = find_once(body, {"generateContentRequest"});
  rename(counted && counted->front() ? *counted->front() : json::Span{0, body.size()});
  return body;
}

std::string resource_name(std::string_view model) {
  const bool whole = model.starts_with("models/") || model.starts_with("tunedModels/");
  return (whole ? "" : "models/") + std::string(model);
}

std::string path_of_call(std::string_view model, std::string_view call) {
  const std::string name = resource_name(model);
  const std::size_t collection = name.find('/') + 1;
  std::string out = "/" + name.substr(0, collection);
  constexpr std::string_view hex = "0123456789ABCDEF";
  for (const char c : std::string_view(name).substr(collection)) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_unreserved(c))
      out += c;
    else
      out.append(1, '%').append(1, hex[byte >> 4U]).append(1, hex[byte & 15U]);
  }
  return out.append(":").append(call);
}

std::string path(std::string_view model, bool stream) {
  return path_of_call(model, stream ? "streamGenerateContent?alt=sse" : "generateContent");
}

}  // namespace sluice::dialects::gemini
