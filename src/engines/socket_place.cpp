#include "engines/socket_place.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace sluice::engines {

Result<SocketPlace> SocketPlace::choose(const std::string& directory, const std::string& name) {
  const std::string file = "/" + name + ".sock";
  if (directory.size() + file.size() <= max_path_bytes) return SocketPlace(directory + file, {});
  std::string folder = "/tmp/sluice-XXXXXX";
  if (!::mkdtemp(folder.data()))  // mode 0700
    return fail(ErrorKind::unavailable,
                std::string("no folder for the engine's socket in /tmp: ") + std::strerror(errno),
                "use a data directory with a shorter path");
  std::string path = folder + file;
  return SocketPlace(std::move(path), std::move(folder));
}

SocketPlace::SocketPlace(SocketPlace&& other) noexcept
    : path_(std::exchange(other.path_, {})), own_folder_(std::exchange(other.own_folder_, {})) {}

SocketPlace::~SocketPlace() {
  if (path_.empty()) return;
  clear();
  if (!own_folder_.empty()) ::rmdir(own_folder_.c_str());
}

void SocketPlace::clear() const { ::unlink(path_.c_str()); }

}  // namespace sluice::engines
