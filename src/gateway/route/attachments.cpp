#include "gateway/route/attachments.h"

#include <algorithm>
#include <string_view>

#include "base/ascii.h"

namespace sluice::gateway {
namespace {

constexpr int deepest = 8;  // a document in a tool's result is five deep

bool is_pdf_name(std::string_view name) {
  constexpr std::string_view end = ".pdf";
  if (name.size() < end.size()) return false;
  return std::ranges::equal(name.substr(name.size() - end.size()), end, {}, ascii_lower);
}

std::string_view text_of(json::Value value) { return value.string().value_or(""); }

// A part of a message, or of a part of it.
void look(json::Value part, Attachments& found, int depth = 0) {
  if (depth == deepest) return;
  if (part.is_array()) {
    for (const json::Value& one : part.elements()) look(one, found, depth + 1);
    return;
  }
  if (!part.is_object()) return;
  const std::string_view type = text_of(part["type"]);
  // Most messages and parts are texts: they are left after one or two looks.
  if (type == "text" || type == "input_text" || type == "output_text" || part["content"].is_string() ||
      (type.empty() && part["text"].exists()))
    return;
  if (type == "input_audio") found.audio = true;
  const json::Value file = type == "file" ? part["file"] : type == "input_file" ? part : json::Value();
  if (file.exists())
    found.pdf = found.pdf || is_pdf_name(text_of(file["filename"])) || is_pdf_name(text_of(file["file_url"])) ||
                text_of(file["file_data"]).starts_with("data:application/pdf");
  // Anthropic's documents are PDFs unless they are said to be text or made of blocks.
  if (type == "document") {
    const json::Value source = part["source"];
    found.pdf = found.pdf || text_of(source["media_type"]) == "application/pdf" || text_of(source["type"]) == "url";
  }
  for (const char* member : {"inlineData", "inline_data", "fileData", "file_data"}) {
    const json::Value data = part[member];
    if (!data.is_object()) continue;
    const std::string_view mime = text_of(data["mimeType"].exists() ? data["mimeType"] : data["mime_type"]);
    found.audio = found.audio || mime.starts_with("audio/");
    found.pdf = found.pdf || mime == "application/pdf";
  }
  for (const char* member : {"content", "parts", "output"}) look(part[member], found, depth + 1);
}

// Who has the last word in the conversation.
void read_end(json::Value turns, Attachments& found) {
  for (std::size_t left = turns.is_array() ? turns.size() : 0; left > 0; --left) {
    const std::string_view role = text_of(turns.at(left - 1)["role"]);
    found.prefill = role == "assistant" || role == "model";
    if (role != "system" && role != "developer") return;
    found.told_behind = true;
  }
}

}  // namespace

Attachments read_attachments(json::Value body) {
  Attachments found;
  for (const char* member : {"messages", "contents", "input"}) {
    const json::Value turns = body[member];
    look(turns, found);
    read_end(turns, found);
  }
  return found;
}

}  // namespace sluice::gateway
