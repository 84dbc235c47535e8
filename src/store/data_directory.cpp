#include "store/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/crypto.h"
#include "store/file_error.h"

namespace sluice::store {
namespace {

Result<void> make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  const int error = errno;
  struct stat status = {};
  if (error == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
  return file_error("create the directory", path, error);
}

}  // namespace

Result<void> make_data_directory(const std::string& directory) {
  if (directory.empty())
    return fail(ErrorKind::unavailable, "the data directory has no name", "give one with --data or SLUICE_DATA");
  struct stat status = {};
  for (std::size_t slash = directory.find('/', 1); slash != std::string::npos; slash = directory.find('/', slash + 1)) {
    const std::string parent = directory.substr(0, slash);
    if (::stat(parent.c_str(), &status) < 0) CHECK_OK(make_directory(parent));
  }
  CHECK_OK(make_directory(directory));
  if (::access(directory.c_str(), R_OK | W_OK | X_OK) < 0)
    return file_error("write to the data directory", directory, errno);
  CHECK_OK(make_directory(ledger_path(directory)));
  return make_directory(audit_path(directory));
}

Result<std::string> instance_of(const std::string& directory) {
  constexpr std::size_t characters = 16;  // 95 bits: two never meet
  const std::string path = directory + "/instance";
  char text[characters + 1] = {};
  const auto read = [&] {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return fd && ::pread(fd.get(), text, characters, 0) == static_cast<ssize_t>(characters);
  };
  if (read()) return std::string(text, characters);
  // Written whole beside it and linked to its place: of several processes that make one, all read the same then.
  const std::string made = crypto::random_alphanumeric(characters);
  const std::string draft = path + "." + made;
  {
    const Fd fd(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd || ::pwrite(fd.get(), made.data(), made.size(), 0) != static_cast<ssize_t>(made.size()) ||
        ::fsync(fd.get()) < 0)
      return file_error("write", draft, errno);
  }
  const bool linked = ::link(draft.c_str(), path.c_str()) == 0;
  const int error = errno;
  ::unlink(draft.c_str());
  if (!linked && error != EEXIST) return file_error("write", path, error);
  // Before a row goes by that name: after a power cut there would be another one, and the same rows again.
  const Fd folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) < 0) return file_error("write", path, errno);
  if (!read())
    return fail(
        ErrorKind::unavailable, path + " is damaged",
        "take it from a backup; without one, remove it together with ledger/ and corrections/, when all their rows are "
        "in PostgreSQL");
  return std::string(text, characters);
}

Result<DirectoryLock> DirectoryLock::take(const std::string& directory) {
  const std::string path = directory + "/serving.lock";
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return file_error("open", path, errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK) return file_error("lock", path, errno);
    char holder[32] = {};
    const ssize_t n = ::pread(fd.get(), holder, sizeof holder - 1, 0);
    return fail(ErrorKind::unavailable,
                "the data directory " + directory + " is in use by another sluice" +
                    (n > 0 ? " (process " + std::string(holder, static_cast<std::size_t>(n)) + ")" : ""),
                "stop that one, or choose another directory with --data");
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd.get(), 0) < 0 || ::pwrite(fd.get(), pid.data(), pid.size(), 0) < 0)
    return file_error("write", path, errno);
  return DirectoryLock(std::move(fd));
}

}  // namespace sluice::store
