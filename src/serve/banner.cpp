#include "serve/banner.h"

#include <unistd.h>

#include "json/json.h"

namespace sluice::serve {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds look_again{50};
constexpr milliseconds longest_wait{120'000};  // a large model may take that long to load; the server answers meanwhile

bool settled(engines::EngineState state) {
  return state == engines::EngineState::ready || state == engines::EngineState::failed ||
         state == engines::EngineState::missing;
}

// True when a signal to stop came.
bool wait_for_engines(std::ostream& out, const Announcement& said) {
  for (const config::EngineSettings& engine : said.snapshot.engines()) {
    const std::string engine_line = "engine  " + engine.name + ": ";
    out << engine_line << "starting " << engine.model << (said.to_terminal ? " ..." : "\n") << std::flush;
    milliseconds waited{0};
    const engines::Engine* process = said.engines.find(engine.name);
    while (process && !settled(process->state()) && waited < longest_wait) {
      if (said.stopped(look_again)) return true;
      waited += look_again;
      if (said.to_terminal && waited.count() % 2000 == 0) out << "." << std::flush;
    }
    if (const auto status = said.engines.status(engine.name)) {
      out << (said.to_terminal ? " " : engine_line) << engines::state_name(status->state);
      if (!status->reason.empty()) out << "\n        " << status->reason;
    }
    out << std::endl;
  }
  return false;
}

// What curl is told before a path: the address as it is, or a socket's file and a name that stands for it.
std::string curl_target(const std::string& url) {
  constexpr std::string_view unix = "unix:";
  if (!url.starts_with(unix)) return url;
  std::string quoted;
  for (const char c : url.substr(unix.size())) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return "--unix-socket '" + quoted + "' http://localhost";
}

void tell_key(std::ostream& out, const Announcement& said) {
  if (said.first_key)
    out << "key     " << said.first_key->reveal() << "   (shown only now; `sluice keys create` makes another)\n";
  else
    out << "key     was shown at the first start; `sluice keys create` makes another\n";
}

}  // namespace

void announce_json(std::ostream& out, const Announcement& said, std::string_view config_path) {
  std::string text;
  json::Writer line(text);
  line.begin_object().member("url", said.url).member("data_dir", said.data_dir);
  line.member("pid", static_cast<std::int64_t>(getpid())).key("key");
  said.first_key ? line.string(said.first_key->reveal()) : line.null();
  line.key("config");
  config_path.empty() ? line.null() : line.string(config_path);
  line.member("config_sha256", said.snapshot.sha256()).key("providers").begin_array();
  for (const catalog::Provider& provider : said.snapshot.providers())
    if (provider.enabled)
      line.begin_object()
          .member("name", provider.id.str())
          .member("ground", catalog::name(provider.ground))
          .end_object();
  line.end_array().key("engines").begin_array();
  for (const config::EngineSettings& engine : said.snapshot.engines())
    line.begin_object().member("name", engine.name).member("model", engine.model).end_object();
  line.end_array().end_object();
  out << text << std::endl;
}

bool announce(std::ostream& out, Announcement said) {
  out << "sluice  listening on " << said.url << "\ndata    " << said.data_dir << "\n";
  if (wait_for_engines(out, said)) {
    tell_key(out, said);
    return true;
  }
  std::size_t enabled = 0;
  out << "ground ";
  for (const catalog::Provider& provider : said.snapshot.providers()) {
    if (!provider.enabled) continue;
    ++enabled;
    out << " " << provider.id.str() << " (" << catalog::name(provider.ground) << ")";
  }
  if (enabled == 0) out << " none: set a provider's API key, such as OPENAI_API_KEY, or start with --engine auto";
  out << "\n";
  tell_key(out, said);

  const std::string key = said.first_key ? said.first_key->reveal() : "$SLUICE_API_KEY";
  const std::string model = said.snapshot.routes().empty() ? "provider/model" : said.snapshot.routes().front().name;
  const std::string target = curl_target(said.url);
  const std::string json = " -H 'content-type: application/json' -d '";
  out << "\nTry:\n"
      << "  curl -s " << target << "/v1/chat/completions -H \"authorization: Bearer " << key << "\"" << json
      << R"({"model":")" << model
      << R"(","messages":[{"role":"user","content":"Why is the sky blue? Answer in one sentence."}]}')"
      << "\n"
      << "  curl -sN " << target << "/v1/messages -H \"x-api-key: " << key << "\"" << json << R"({"model":")" << model
      << R"(","max_tokens":64,"stream":true,"messages":[{"role":"user","content":"Why is the sky blue? Answer in one sentence."}]}')"
      << "\n"
      << "  curl -s " << target << "/v1/models -H \"authorization: Bearer " << key << "\"\n\n"
      << std::flush;
  return false;
}

}  // namespace sluice::serve
