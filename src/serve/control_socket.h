// How `sluice reload` and `sluice upgrade` reach the server that runs: a Unix socket in the data directory, one line of
// JSON each way. Who may write in that directory may make keys already, so its mode is all the access control there is.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace sluice::serve {

inline std::string control_path(const std::string& data_dir) { return data_dir + "/control.sock"; }

// The server's side. One thread.
class ControlSocket {
 public:
  // Takes the place of whatever socket lies there: the caller holds the directory's lock, or is about to get it.
  // Errors: unavailable.
  static Result<ControlSocket> listen(const std::string& data_dir);
  ControlSocket(ControlSocket&&) noexcept = default;
  ControlSocket& operator=(ControlSocket&&) = delete;
  ~ControlSocket();  // removes its file, unless another server's lies there by now

  int fd() const { return fd_.get(); }  // readable: somebody calls

  struct Call {
    Fd fd;
    std::string request;
    void answer(std::string_view line) const;  // waits at most answer_time for the caller to take it
  };
  // Whoever calls now. Empty: nobody, or no whole request within request_time.
  std::optional<Call> accept() const;

 private:
  static constexpr std::chrono::seconds request_time{1};  // it is sent at once: the caller has nothing to think about
  static constexpr std::chrono::seconds answer_time{5};
  static constexpr std::size_t most_request_bytes = 16 * 1024;

  ControlSocket(std::string directory, Fd fd, ino_t inode)
      : directory_(std::move(directory)), fd_(std::move(fd)), inode_(inode) {}
  std::string directory_;
  Fd fd_;
  ino_t inode_ = 0;
};

// The caller's side: the server's answer. Errors: unavailable, when nobody listens there or says nothing in time.
Result<std::string> call_server(const std::string& data_dir, std::string_view request, std::chrono::seconds limit);

}  // namespace sluice::serve
