#include "store/price_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/fd.h"

namespace sluice::store {
namespace {

constexpr std::string_view ending = ".jsonl";
constexpr std::size_t number_digits = 6;

std::unexpected<Error> cannot(const char* what, const std::string& path, int why) {
  return fail(ErrorKind::unavailable, std::string("cannot ") + what + " " + path + ": " + std::strerror(why),
              "look at the rights and the space of the data directory (--data)");
}

std::vector<std::string> names(const std::string& directory) {
  std::vector<std::string> all;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(price_files_path(directory), ignored)) {
    std::string name = entry.path().filename().string();
    if (name.ends_with(ending) && name[0] != '.') all.push_back(std::move(name));
  }
  std::ranges::sort(all);
  return all;
}

Result<void> write_durably(const std::string& path, std::string_view text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return cannot("write", path, errno);
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return cannot("write", path, errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) return cannot("write", path, errno);
  return {};
}

}  // namespace

Result<std::vector<catalog::ImportedFile>> read_price_files(const std::string& directory) {
  std::vector<catalog::ImportedFile> files;
  for (const std::string& name : names(directory)) {
    const std::string path = price_files_path(directory) + "/" + name;
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file || !text) return cannot("read", path, errno ? errno : EIO);
    files.push_back({.name = path, .text = std::move(text).str()});
  }
  return files;
}

Result<std::string> add_price_file(const std::string& directory, std::string_view label, std::string_view text) {
  const std::string folder = price_files_path(directory);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return cannot("make", folder, error.value());
  ::chmod(folder.c_str(), 0700);
  static std::atomic<unsigned> drafts = 0;
  const std::string draft = folder + "/.draft-" + std::to_string(::getpid()) + "-" + std::to_string(++drafts);
  CHECK_OK(write_durably(draft, text));
  // Labels differ, so a link alone would not keep two imports from the same number.
  const Fd lock(::open((folder + "/.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock || ::flock(lock.get(), LOCK_EX) != 0) return cannot("lock", folder, errno);
  const std::vector<std::string> there = names(directory);
  unsigned number = 0;
  for (const std::string& name : there) number = std::max(number, static_cast<unsigned>(std::atoi(name.c_str())));
  std::string digits = std::to_string(++number);
  digits.insert(0, digits.size() < number_digits ? number_digits - digits.size() : 0, '0');
  const std::string path = folder + "/" + digits + "-" + std::string(label) + std::string(ending);
  if (::rename(draft.c_str(), path.c_str()) != 0) {
    const int why = errno;
    ::unlink(draft.c_str());
    return cannot("write", path, why);
  }
  const Fd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::fsync(opened.get()) != 0) return cannot("write", folder, errno);
  return path;
}

std::string price_files_stamp(const std::string& directory) {
  std::string stamp;
  for (const std::string& name : names(directory)) stamp += name + "\n";
  return stamp;
}

}  // namespace sluice::store
