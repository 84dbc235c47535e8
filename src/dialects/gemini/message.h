// Members of a protocol buffer's message in its JSON form: their names are camelCase, the proto's own snake_case is
// read too, and an integer may come as a string. Bytes are base64, in either alphabet and with or without padding.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialects/base64.h"
#include "dialects/fields.h"

namespace sluice::dialects::gemini {

// Every name is given in camelCase.
class Message {
 public:
  static Result<Message> of(json::Value object, std::string path);
  // As Fields::once(), of which the two spellings of a name are one; and so are the messages in it.
  static Result<Message> once(json::Value object, std::string path);

  const Fields& fields() const { return fields_; }
  json::Value operator[](std::string_view name) const { return fields_[spelling(name)]; }
  std::string path(std::string_view name) const { return fields_.path(spelling(name)); }

  Result<std::optional<bool>> boolean(std::string_view name) const { return fields_.boolean(spelling(name)); }
  Result<std::optional<std::int64_t>> integer(std::string_view name, std::int64_t min, std::int64_t max) const;
  Result<std::optional<double>> number(std::string_view name, double min, double max) const {
    return fields_.number(spelling(name), min, max);
  }
  Result<std::optional<std::string_view>> string(std::string_view name) const { return fields_.string(spelling(name)); }
  Result<std::string_view> required_string(std::string_view name) const {
    return fields_.required_string(spelling(name));
  }
  Result<std::vector<json::Value>> array(std::string_view name) const { return fields_.array(spelling(name)); }
  Result<std::vector<json::Value>> required_array(std::string_view name) const {
    return fields_.required_array(spelling(name));
  }
  // A repeated field of messages, of which the API takes a single one without its array. Empty when absent.
  Result<std::vector<json::Value>> messages(std::string_view name) const;
  Result<std::vector<json::Value>> required_messages(std::string_view name) const;  // and not empty
  Result<std::string> object_text(std::string_view name) const { return fields_.object_text(spelling(name)); }
  // Absent when the message has no such member.
  Result<std::optional<Message>> message(std::string_view name) const;

  // In camelCase: members that are not in `known` and not null.
  std::vector<std::string> others(std::initializer_list<std::string_view> known) const;

 private:
  Message(const Fields& fields, bool once) : fields_(fields), once_(once) {}
  std::string spelling(std::string_view name) const;  // the one that the message uses

  Fields fields_;
  bool once_;
};

// The messages of a repeated field, whatever else stands in its place.
std::vector<json::Value> repeated(json::Value field);
std::string snake_case(std::string_view name);
std::string camel_case(std::string_view name);

}  // namespace sluice::dialects::gemini
