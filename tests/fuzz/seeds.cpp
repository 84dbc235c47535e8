#include "seeds.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace sluice::fuzz {

namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// As dialects/fuzz_dialect.h reads a stream: the data of one event a line.
std::string data_lines(const std::string& sse) {
  std::string out;
  std::istringstream lines(sse);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("data: ")) out.append(line, 6).append("\n");
  return out;
}

// {"name":payload} a line, as the golden cases have Bedrock's messages: the name stands before a tab.
std::string named_lines(const std::string& events) {
  std::string out;
  std::istringstream lines(events);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t end = line.find('"', 2);
    if (!line.starts_with("{\"") || end == std::string::npos || line.size() < end + 3) continue;
    out.append(line, 2, end - 2).append("\t").append(line, end + 2, line.size() - end - 3).append("\n");
  }
  return out;
}

// Both sides of a dialect, from the folders called CLIENT__PROVIDER.
std::vector<std::string> of_dialect(const std::string& dialect) {
  std::vector<std::string> out;
  const auto add = [&](const fs::path& path) {
    if (!fs::exists(path)) return;
    const std::string text = read_file(path);
    const std::string extension = path.extension().string();
    out.push_back(extension == ".sse" ? data_lines(text) : extension == ".events" ? named_lines(text) : text);
  };
  for (const auto& pair : fs::directory_iterator(SLUICE_GOLDEN_DIR)) {
    const std::string name = pair.path().filename().string();
    if (!pair.is_directory()) continue;
    for (const auto& golden : fs::directory_iterator(pair)) {
      if (name.starts_with(dialect + "__")) add(golden.path() / "client.json");
      if (!name.ends_with("__" + dialect)) continue;
      for (const char* file : {"provider.json", "provider.sse", "provider.events"}) add(golden.path() / file);
    }
  }
  return out;
}

std::vector<std::string> files(std::string_view extension) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(SLUICE_GOLDEN_DIR))
    if (entry.path().extension() == extension) paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<std::string> out;
  constexpr std::size_t most = 60;  // of hundreds that are much alike
  const std::size_t step = 1 + paths.size() / most;
  for (std::size_t i = 0; i < paths.size(); i += step) out.push_back(read_file(paths[i]));
  return out;
}

std::vector<std::string> plans() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(SLUICE_EXAMPLES_DIR))
    if (entry.path().extension() == ".yaml") out.push_back(read_file(entry.path()));
  return out;
}

const std::map<std::string, std::vector<std::string>, std::less<>>& lines() {
  static const std::map<std::string, std::vector<std::string>, std::less<>> all = {
      {"parse_fuzz",
       {"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        "GET /v1/models?limit=1 HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\nA: b\r\nA: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: x\n\n",
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}},
      {"chunked_fuzz",
       {"5\r\nhello\r\n0\r\n\r\n", "A;ext=1\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", "fffffffff\r\n"}},
      {"form_data_fuzz",
       {"multipart/form-data; boundary=x\0--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--x--\r\n"s,
        "multipart/form-data; boundary=\"a b\"\0--a b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\nContent-Type: text/plain\r\n\r\n1\r\n--a b--"s}},
      {"schema_references_fuzz",
       {R"({"properties":{"a":{"$ref":"#/$defs/x","title":"A"},"definitions":{"type":"null"}},"$defs":{"x":{"type":"string"}}})",
        R"({"anyOf":[{"$ref":"#/definitions/a~1b"},{"$ref":"#/anyOf/0"}],"definitions":{"a/b":{"items":{"$ref":"#/definitions/c"}},"c":{}}})",
        R"({"$ref":"#/$defs/n","$defs":{"n":{"properties":{"next":{"$ref":"#/$defs/n"}}}}})",
        R"({"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/c"},"c":{"const":{"$ref":"#"}}}})"}},
      {"yaml_fuzz",
       {"a: no\nb: [1.10, \"x\", ~]\nc:\n  d: 'null'\n", "{\"a\": {\"b\": [1, 2]}}", "a: &x 1\nb: *x\n",
        "a: |\n  b\n\n  c\n", "? [x]\n: 1\n", "%YAML 1.2\n---\na: !!str \"\\u00e4\"\n...\n",
        "\xc3\xa4: { b: \xe6\x97\xa5 }\n"}},
      {"load_fuzz",
       {"providers:\n  acme: { kind: openai_compatible, base_url: \"http://127.0.0.1:1/v1\", api_key: "
        "\"${ACME_KEY}\",\n"
        "          models: [m], prices: { m: { input: 5.00, output: 25.00 } } }\nmodels:\n  auto: [acme/m]\n",
        "server: { listen: \"127.0.0.1:0\", threads: 2 }\nretry: { first_token_timeout_ms: 1000 }\nlimits: { queue: 3 "
        "}\n",
        "models:\n  a: { candidates: [acme/m, acme/n], hold_tokens: 20, hedge_after_ms: 5, affinity: prefix }\n",
        "providers:\n  b: { kind: anthropic_compatible, base_url: \"http://[::1]:1\", ground: self_hosted,\n"
        "       models: { m: { context: 100, tools: false } } }\nkeys: { budget_usd: \"1.5\" }\n"}},
      // A header and claims, between them a NUL; and a whole token.
      {"token_fuzz",
       {"{\"alg\":\"EdDSA\",\"kid\":\"k\"}\0{\"iss\":\"https://i\",\"sub\":\"a\",\"aud\":\"sluice\",\"exp\":1800000300}"s,
        "{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}\0{\"iss\":\"https://"
        "i\",\"sub\":\"a\",\"aud\":[\"x\",\"sluice\"],\"exp\":1800000300.5,"
        "\"nbf\":1,\"iat\":1,\"groups\":[\"g\"]}"s,
        "{\"alg\":\"EdDSA\",\"alg\":\"none\"}\0{}"s, "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJFZERTQSJ9.e30.AA"}},
      {"append_log_fuzz", {"\x01record", "\x03record", "\x07", "\x05\x10\x00\x00\x00x"s}},
      {"aws_event_stream_fuzz",
       {"contentBlockDelta{\"delta\":{\"text\":\"x\"}}", "throttlingException{}", "\x0b:event-type\x07\x00\x01x"s}},
      // A request with a body, a head that goes on, a PING; an answer and a GOAWAY.
      {"http2_fuzz",
       {"\x02\0\0\x0a\x01\x04\0\0\0\x01\x83\x84\x86\x41\x01x\x5c\x01"s + "2\0\0\x02\0\x01\0\0\0\x01{}"s,
        "\x06\0\0\x03\x01\x01\0\0\0\x01\x82\x84\x86\0\0\0\x09\x04\0\0\0\x01"s,
        "\x02\0\0\x08\x06\0\0\0\0\0"s + "12345678", "\x03\0\0\x01\x01\x04\0\0\0\x01\x88\0\0\x02\0\x01\0\0\0\x01hi"s,
        "\x03\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0"s}},
      {"websocket_fuzz",
       {"\x81\x85\x01\x02\x03\x04ignbn", "\x01\x82\x00\x00\x00\x00hi\x80\x80\x00\x00\x00\x00"s,
        "\x89\x80\x00\x00\x00\x00"s, "\x88\x82\x00\x00\x00\x00\x03\xe8"s,
        "\x88\xa7\x8d\x8d\x8d\x8d\x8d\x8d\x8d\x8d\x8d\x02\x00\x8d\x8d\x8d\x8d\x8d\x8d"s,  // the begin of a close frame
        "\x88\x87\x00\x00\x00\x00\x03\xe8\xe2\x82\xac\xc3\x28"s}},
  };
  return all;
}

}  // namespace

std::vector<std::string> seeds(std::string_view target) {
  std::vector<std::string> out;
  constexpr std::array dialects = {"openai_chat", "openai_responses", "anthropic_messages", "gemini",
                                   "bedrock_converse"};
  for (const std::string dialect : dialects)
    if (target == dialect + "_fuzz") out = of_dialect(dialect);
  if (target == "sse_fuzz") out = files(".sse");
  if (target == "json_fuzz") out = files(".json");
  if (target == "yaml_fuzz" || target == "read_plan_fuzz") out = plans();
  if (const auto found = lines().find(target); found != lines().end())
    out.insert(out.end(), found->second.begin(), found->second.end());
  std::ranges::sort(out);
  return out;
}

}  // namespace sluice::fuzz
