// A call whose arguments come in pieces, each for one place in them:
// {"jsonPath":"$.steps[2].text","stringValue":"..."}. Later pieces for the same place go on with its string.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace sluice::dialects::gemini {

class StreamedArguments {
 public:
  // One piece of partialArgs. Errors: a path that cannot be followed, and more than an answer may have.
  Result<void> add(json::Value piece);
  std::string text() const;  // of the whole object

 private:
  struct Node {
    enum class Kind : std::uint8_t { none, object, array, string, other } kind = Kind::none;
    std::string value;               // a string's text, or another scalar's JSON text
    std::vector<std::string> names;  // of an object's members
    std::vector<Node> children;      // members or elements
  };
  struct Step {
    std::string name;
    std::size_t index = 0;
    bool in_array = false;
  };

  static Result<std::vector<Step>> steps_of(std::string_view path);
  Result<Node*> find(const std::vector<Step>& steps);
  static void write(json::Writer& writer, const Node& node);

  Node root_;
  std::size_t bytes_ = 0;
};

}  // namespace sluice::dialects::gemini
