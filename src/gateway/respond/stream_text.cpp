#include "gateway/respond/stream_text.h"

#include <algorithm>
#include <variant>

namespace sluice::gateway {

StreamText::StreamText(const dialects::Dialect& client, bool json_array) {
  using chat::DialectId;
  constexpr DialectId readable[] = {DialectId::openai_chat, DialectId::anthropic_messages, DialectId::openai_responses,
                                    DialectId::gemini};
  if (!json_array && std::ranges::find(readable, client.id()) != std::end(readable)) decoder_ = client.decode_stream();
}

void StreamText::feed(std::string_view bytes) {
  if (!decoder_) return;
  if (!events_.feed(std::string(bytes))) return decoder_.reset();
  while (decoder_) {
    const Result<std::optional<http::SseEvent>> event = events_.next();
    if (!event) return decoder_.reset();
    if (!*event) return;
    if (!(*event)->has_data) continue;
    decoded_.clear();
    if (!decoder_->decode((*event)->event, (*event)->data, decoded_)) return decoder_.reset();
    take();
  }
}

void StreamText::take() {
  for (const chat::ChatEvent& event : decoded_) {
    if (const auto* text = std::get_if<chat::TextDelta>(&event)) {
      answer_.text += text->text;
    } else if (const auto* block = std::get_if<chat::BlockStart>(&event)) {
      answer_.calls_tool = answer_.calls_tool || block->kind == chat::BlockKind::tool_call;
    } else if (const auto* end = std::get_if<chat::Finish>(&event)) {
      finished_ = true;
      answer_.cut = end->stop == chat::StopReason::max_tokens;
      answer_.refused = end->stop == chat::StopReason::content_filter || !end->refusal.empty();
    } else if (std::holds_alternative<chat::StreamError>(event)) {
      return decoder_.reset();
    }
  }
  if (answer_.text.size() > most_bytes) decoder_.reset();
}

std::optional<AnswerText> StreamText::done() {
  if (!decoder_) return std::nullopt;
  decoded_.clear();
  if (!decoder_->finish(decoded_)) return std::nullopt;
  take();
  if (!decoder_ || !finished_) return std::nullopt;
  return std::move(answer_);
}

}  // namespace sluice::gateway
