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
    if (places[1].revents) answer_call();
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
    case Signals::Wish::upgrade:
    case Signals::Wish::none: break;
  }
  return false;
}

void MainLoop::answer_call() {
  const std::optional<ControlSocket::Call> call = control_.accept();
  if (!call) return;
  const auto document = json::Document::parse(call->request);
  const std::string verb(document ? document->root()["verb"].string().value_or("") : "");
  if (verb == "reload") return call->answer(reloaded_json(reloader_.reload(Reloader::Trigger::call)));
  std::string refused;
  json::Writer(refused)
      .begin_object()
      .member("error", "this server knows no `" + verb + "`")
      .member("hint", "it may be older than the command: restart it")
      .end_object();
  call->answer(refused);
}

}  // namespace sluice::serve
