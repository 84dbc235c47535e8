// A request to Bedrock Converse, read back: nobody is served in that dialect, so the product has no reader of it, and
// without one a test could not see what is lost on the way there. Written from the service model bedrock-runtime.
#pragma once

#include "chat/chat.h"
#include "json/json.h"

namespace sluice::golden {

chat::ChatRequest read_converse_request(json::Value root);

}  // namespace sluice::golden
