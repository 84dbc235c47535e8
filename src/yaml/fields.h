// Reads the members of a map by name, and remembers which were asked for: what nobody asked for is an unknown key, told
// with the nearest name that would have been right.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "yaml/node.h"

namespace sluice::yaml {

// Where findings go, together with the text they are about.
struct Report {
  std::shared_ptr<const Source> source;
  Diagnostics& diagnostics;

  void error(const Node& node, std::string message, std::string help = {}) const;
  void error_at_key(const Member& member, std::string message, std::string help = {}) const;
  void warning(const Node& node, std::string message, std::string help = {}) const;
  void warning_at_key(const Member& member, std::string message, std::string help = {}) const;
};

class Fields {
 public:
  // `what`: how to call the map in messages: "the provider `acme`". A node that is no map is an error; null is an empty
  // map.
  Fields(const Node& node, std::string what, const Report& report);

  const Member* take(std::string_view name);  // null when it is absent
  // Each is empty when the member is absent, null, or of another kind (which is an error).
  std::optional<std::string> text(std::string_view name);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t most);
  std::optional<bool> boolean(std::string_view name);
  std::vector<std::string> texts(std::string_view name);  // a list of texts, or one text
  // A text that must be there.
  std::string required_text(std::string_view name);

  // After everything known was taken: errors for the rest.
  void refuse_others();

 private:
  const Node& node_;
  std::string what_;
  const Report& report_;
  std::vector<std::string> known_;
};

std::optional<std::int64_t> to_integer(const Node& node);

}  // namespace sluice::yaml
