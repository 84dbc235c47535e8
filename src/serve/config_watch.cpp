#include "serve/config_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace sluice::serve {

ConfigWatch::ConfigWatch(const std::string& path) {
  if (path.empty()) return;
  std::error_code ignored;
  const std::filesystem::path named = std::filesystem::absolute(path, ignored);
  const std::filesystem::path real = std::filesystem::canonical(named, ignored);
  fd_ = Fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  // Not IN_MODIFY: a file that is being written is looked at when its writer has closed it. IN_CREATE is for links.
  constexpr std::uint32_t changes = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR;
  bool watching = fd_.get() >= 0 && ::inotify_add_watch(fd_.get(), named.parent_path().c_str(), changes) >= 0;
  if (watching && !real.empty() && real.parent_path() != named.parent_path())
    watching = ::inotify_add_watch(fd_.get(), real.parent_path().c_str(), changes) >= 0;
  if (watching) return;
  problem_ = std::string("the configuration file cannot be watched: ") + std::strerror(errno);
  fd_.close();
}

void ConfigWatch::drain() const {
  alignas(inotify_event) char buffer[4096];
  while (::read(fd_.get(), buffer, sizeof buffer) > 0) {
  }
}

}  // namespace sluice::serve
