#include "serve/main_loop.h"

#include <poll.h>

#include <algorithm>

#include "json/json.h"

namespace sluice::serve {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds settle_time{100};  // from the last change of the file to the look at it

}  // namespace

bool MainLoop::wait(milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
    if (left <= milliseconds(0)) return false;
    pollfd places[] = {{signals_.fd(), POLLIN, 0}, {control_.fd(), POLLIN, 0}, {watch_.fd(), POLLIN, 0}};
    const int ready =
        ::poll(places, std::size(places), static_cast<int>((changed_ ? std::min(left, settle_time) : left).count()));
    if (places[0].revents && obey_signal()) return true;
    if (places[1].revents && answer_call()) return true;
    if (places[2].revents) {
      watch_.drain();
      changed_ = true;
    } else if (changed_ && ready == 0) {
      changed_ = false;
      reloader_.reload_if_changed();
    }
  }
}

bool MainLoop::obey_signal() {
  switch (signals_.take()) {
    case Signals::Wish::stop: return true;
    case Signals::Wish::reload: reloader_.reload(Reloader::Trigger::signal); break;
    case Signals::Wish::upgrade: return upgrade_().has_value();  // the log says why not
    case Signals::Wish::none: break;
  }
  return false;
}

bool MainLoop::answer_call() {
  const std::optional<ControlSocket::Call> call = control_.accept();
  if (!call) return false;
  const auto document = json::Document::parse(call->request);
  const std::string verb(document ? document->root()["verb"].string().value_or("") : "");
  if (verb == "reload") {
    call->answer(reloaded_json(reloader_.reload(Reloader::Trigger::call)));
    return false;
  }
  std::string answer;
  json::Writer out(answer);
  out.begin_object();
  bool replaced = false;
  if (verb == "upgrade") {
    const Result<pid_t> heir = upgrade_();
    replaced = heir.has_value();
    if (heir)
      out.member("pid", static_cast<std::int64_t>(*heir));
    else
      out.member("error", heir.error().message).member("hint", heir.error().hint);
  } else {
    out.member("error", "this server knows no `" + verb + "`");
    out.member("hint", "it may be older than the command: restart it");
  }
  out.end_object();
  call->answer(answer);
  return replaced;
}

}  // namespace sluice::serve
