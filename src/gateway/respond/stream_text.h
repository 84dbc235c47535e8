// What a streamed answer says, read from the bytes that its client gets: for the checks of a cascade and for the report
// on shadow traffic. It keeps the text, and nothing else of the stream.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "dialects/dialect.h"
#include "gateway/call/reply.h"
#include "gateway/respond/answer_check.h"

namespace sluice::gateway {

class StreamText {
 public:
  // An answer beyond this is not read: no two of that length are the same.
  static constexpr std::size_t most_bytes = std::size_t{1} << 20;

  // Of a stream to a client of that dialect; `json_array`: in the form of one JSON array, which is not read.
  StreamText(const dialects::Dialect& client, bool json_array);

  // The next bytes, cut anywhere. What is no stream of that dialect is not read any further.
  void feed(std::string_view bytes);
  // Once all has been fed. Empty: it could not be read, was too long or has not come to its end.
  std::optional<AnswerText> done();

 private:
  void take();

  EventSplitter events_{dialects::Framing::sse};
  std::unique_ptr<dialects::StreamDecoder> decoder_;  // null: not readable
  std::vector<chat::ChatEvent> decoded_;
  AnswerText answer_;
  bool finished_ = false;
};

}  // namespace sluice::gateway
