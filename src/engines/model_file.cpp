#include "engines/model_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/crypto.h"
#include "base/fd.h"

namespace sluice::engines {
namespace {

std::string way_to_mend(const std::string& path) {
  if (path.ends_with(default_model_file)) return "rm '" + path + "' and ./dev setup fetch it again";
  return "fetch the file again, or correct the engine's path and sha256 in the configuration";
}

}  // namespace

Result<void> check_model_file(const std::string& path, std::string_view sha256, const std::function<bool()>& stopping) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!file || ::fstat(file.get(), &info) != 0)
    return fail(ErrorKind::not_found, "the model " + path + " cannot be read: " + std::strerror(errno),
                "./dev setup fetches the default model; another one is named in the configuration (engines: path)");
  if (!S_ISREG(info.st_mode))
    return fail(ErrorKind::invalid_request, "the model " + path + " is not a file",
                "the engine's path in the configuration names one GGUF file, of a split model the first one");

  std::array<char, 64 * 1024> buffer;
  crypto::Sha256Stream digest;
  bool first = true;
  for (ssize_t got = 0; (got = ::read(file.get(), buffer.data(), buffer.size())) != 0;) {
    if (got < 0)
      return fail(ErrorKind::unavailable, "the model " + path + " cannot be read: " + std::strerror(errno),
                  "look at the disk that it lies on");
    if (stopping()) return fail(ErrorKind::unavailable, "the check of the model " + path + " was stopped");
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    if (std::exchange(first, false) && !bytes.starts_with("GGUF"))
      return fail(ErrorKind::invalid_request, "the model " + path + " is not a GGUF file", way_to_mend(path));
    if (sha256.empty()) return {};
    digest.update(bytes);
  }
  if (first) return fail(ErrorKind::invalid_request, "the model " + path + " is empty", way_to_mend(path));
  if (const std::string found = crypto::hex(digest.finish()); found != sha256)
    return fail(ErrorKind::invalid_request,
                "the model " + path + " is damaged: its sha256 is " + found + " and should be " + std::string(sha256),
                way_to_mend(path));
  return {};
}

}  // namespace sluice::engines
