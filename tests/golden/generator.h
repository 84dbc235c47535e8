// Requests and answers made by chance, for properties that hold for all of them. The same seed gives the same ones.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "chat/chat.h"

namespace sluice::golden {

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  // A conversation as any client could have had it: each call of a tool is answered in the next turn.
  chat::ChatRequest request();
  chat::ChatResponse response();
  // The answer as a stream, its texts cut anywhere.
  std::vector<chat::ChatEvent> events(const chat::ChatResponse& response);

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::string text();
  std::string json_object();
  chat::CacheMark cache_mark();
  chat::Tool tool(std::size_t number);
  chat::ToolCall call(const chat::ChatRequest& request);
  chat::Message user_turn(const std::vector<chat::ToolCall>& open);
  chat::ToolResult result(const chat::ToolCall& call);
  chat::Message assistant_turn(const chat::ChatRequest& request, std::vector<chat::ToolCall>& open);
  void settings(chat::ChatRequest& request);
  std::vector<std::string> cut(const std::string& text);

  std::mt19937_64 random_;
  int calls_ = 0;  // so that no two have one id
};

}  // namespace sluice::golden
