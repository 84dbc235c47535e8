// The tools of a client's request. Functions and custom tools can be carried; what runs at the vendor cannot.
#include <algorithm>
#include <cstdint>
#include <unordered_set>

#include "dialects/openai_chat/parts.h"
#include "dialects/openai_responses/parts.h"
#include "dialects/shared_parts.h"

namespace sluice::dialects::responses {
namespace {

constexpr std::size_t longest_name = 64;  // that all vendors take

// FNV-1a: the same on every machine and in every version.
std::string digest(std::string_view text) {
  std::uint32_t hash = 2'166'136'261U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
  std::string digits;
  for (int shift = 28; shift >= 0; shift -= 4) digits += "0123456789abcdef"[(hash >> shift) & 0xFU];
  return digits;
}

class ToolsReader {
 public:
  ToolsReader(const Fields& fields, chat::ChatRequest& request, std::vector<std::string>& left_out)
      : fields_(fields), request_(request), left_out_(left_out) {}

  Result<void> read() {
    TRY(const std::vector<json::Value> tools, fields_.array("tools"));
    search_is_chosen_ = is_chosen("web_search");
    for (std::size_t i = 0; i < tools.size(); ++i) {
      TRY(const Fields tool, Fields::once(tools[i], path_of("tools", i)));
      CHECK_OK(read_tool(tool));
    }
    return read_choice();
  }

 private:
  Result<void> read_tool(const Fields& tool) {
    TRY(const std::string_view type, tool.required_string("type"));
    if (type == "function" || type == "custom") return read_own(tool, type, "");
    if (type == "namespace") return read_name_space(tool);
    // Codex always offers the search; without it the model answers from what it knows.
    if (type.starts_with("web_search") && !search_is_chosen_) return leave_out("tools.web_search");
    // All tools are there without a search for them, unless it is the client that finds them.
    if (type == "tool_search" && tool["execution"].string() != "client") return leave_out("tools.tool_search");
    return bad_field(tool.path("type"), "the tool '" + std::string(type) + "' runs at OpenAI only",
                     "remove it, or ask for a model of OpenAI");
  }

  Result<void> leave_out(std::string name) {
    if (noted_.insert(name).second) left_out_.push_back(std::move(name));
    return {};
  }

  bool is_chosen(std::string_view type) const {
    const json::Value choice = fields_["tool_choice"];
    if (choice["type"].string().value_or("").starts_with(type)) return true;
    return std::ranges::any_of(choice["tools"].elements(),
                               [&](json::Value tool) { return tool["type"].string().value_or("").starts_with(type); });
  }

  Result<void> read_name_space(const Fields& group) {
    TRY(const std::string_view name, group.required_string("name"));
    TRY(const std::vector<json::Value> tools, group.array("tools"));
    for (std::size_t i = 0; i < tools.size(); ++i) {
      TRY(const Fields tool, Fields::once(tools[i], path_of(group.path("tools"), i)));
      TRY(const auto type, tool.string("type"));
      if (type && *type != "function" && *type != "custom")
        return bad_field(tool.path("type"), "only functions and custom tools are possible here");
      CHECK_OK(read_own(tool, type.value_or("function"), name));
    }
    note_others(group, {"type", "name", "tools"}, "tools.namespace.");
    return {};
  }

  Result<void> read_own(const Fields& tool, std::string_view type, std::string_view name_space) {
    TRY(const std::string_view name, tool.required_string("name"));
    TRY(const auto description, tool.string("description"));
    chat::Tool read{.name = std::string(name), .description = std::string(description.value_or(""))};
    if (!name_space.empty()) {
      read.name = flat_name(name_space, name);
      read.own_name = name;
      read.name_space = name_space;
    }
    if (type == "custom") {
      read.custom = true;
      read.parameters = custom_tool_schema;
      if (tool["format"]["type"].string().value_or("text") != "text") read.custom_format = tool["format"].text();
      note_others(tool, {"type", "name", "description", "format"}, "tools.");
    } else {
      TRY(read.parameters, object_schema(tool));
      TRY(read.strict, tool.boolean("strict"));
      note_others(tool, {"type", "name", "description", "parameters", "strict"}, "tools.");
    }
    return add_tool(request_, std::move(read));
  }

  void note_others(const Fields& tool, std::initializer_list<std::string_view> known, std::string_view where) {
    for (const auto& [name, value] : tool.other_members(known))
      if (value.boolean() != false) (void)leave_out(std::string(where).append(name));
  }

  Result<void> read_choice() {
    const json::Value value = fields_["tool_choice"];
    if (!value.exists()) return {};
    using Mode = chat::ToolChoice::Mode;
    if (const auto word = value.string()) {
      request_.tool_choice = openai::tool_choice_of_word(*word);
      if (!request_.tool_choice)
        return bad_field("tool_choice",
                         "it must be auto, none, required or a named tool, not '" + std::string(*word) + "'");
    } else {
      TRY(const Fields choice, Fields::once(value, "tool_choice"));
      TRY(const std::string_view type, choice.required_string("type"));
      if (type == "allowed_tools") {
        note_others(choice, {"type", "mode", "tools"}, "tool_choice.");
        return openai::allow_only(choice, [](const Fields& tool) { return tool["name"]; }, request_);
      }
      if (type != "function" && type != "custom")
        return bad_field("tool_choice.type", "'" + std::string(type) + "' cannot be carried to this model",
                         "name one function, or use required");
      TRY(const std::string_view name, choice.required_string("name"));
      TRY(const auto name_space, choice.string("namespace"));
      note_others(choice, {"type", "name", "namespace"}, "tool_choice.");
      request_.tool_choice =
          chat::ToolChoice{.mode = Mode::named, .name = name_space ? flat_name(*name_space, name) : std::string(name)};
    }
    return check_tool_choice(request_, "tool_choice");  // it may be met by a tool alone that was left out
  }

  const Fields& fields_;
  chat::ChatRequest& request_;
  std::vector<std::string>& left_out_;
  std::unordered_set<std::string> noted_;  // in left_out_
  bool search_is_chosen_ = false;
};

}  // namespace

std::string flat_name(std::string_view name_space, std::string_view name) {
  std::string flat = std::string(name_space) + "__" + std::string(name);
  if (flat.size() <= longest_name) return flat;
  const std::string mark = "_" + digest(flat);
  return flat.substr(0, longest_name - mark.size()) + mark;
}

std::string called_name(json::Value item) {
  const std::string_view name = item["name"].string().value_or("");
  const std::string_view name_space = item["namespace"].string().value_or("");
  return name_space.empty() || name.empty() ? std::string(name) : flat_name(name_space, name);
}

Result<void> read_tools(const Fields& fields, chat::ChatRequest& request, std::vector<std::string>& left_out) {
  return ToolsReader(fields, request, left_out).read();
}

}  // namespace sluice::dialects::responses
