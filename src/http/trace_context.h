// W3C Trace Context: which trace a request is part of, as its headers say.
#pragma once

#include <span>
#include <string>

#include "http/headers.h"

namespace sluice::http {

// What may be handed on of a request's trace, unchanged: empty without exactly one valid `traceparent`. `tracestate` is
// empty when it is not valid, or longer than the 512 characters and 32 members that the standard asks everybody to
// take.
struct TraceContext {
  std::string traceparent;
  std::string tracestate;
};
TraceContext trace_context(std::span<const Field> fields);

}  // namespace sluice::http
