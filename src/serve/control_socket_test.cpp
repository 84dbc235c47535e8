#include "serve/control_socket.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "serve/config_watch.h"

namespace sluice::serve {
namespace {

struct Folder {
  std::filesystem::path path = make();
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  static std::filesystem::path make() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-serve-XXXXXX").string();
    if (!mkdtemp(name.data())) std::abort();
    return name;
  }
};

bool readable(int fd, int limit_ms) {
  pollfd place{fd, POLLIN, 0};
  return ::poll(&place, 1, limit_ms) == 1;
}

TEST(ControlSocket, A_call_is_answered_also_in_a_directory_whose_path_no_socket_address_can_hold) {
  const Folder folder;
  const std::string deep = folder.path / std::string(120, 'd');
  std::filesystem::create_directories(deep);
  auto control = ControlSocket::listen(deep);
  ASSERT_TRUE(control) << control.error().message;
  Result<std::string> answer = fail(ErrorKind::internal, "not asked");
  std::thread caller([&] { answer = call_server(deep, R"({"verb":"reload"})", std::chrono::seconds(30)); });
  ASSERT_TRUE(readable(control->fd(), 30'000));
  const auto call = control->accept();
  ASSERT_TRUE(call);
  EXPECT_EQ(call->request, R"({"verb":"reload"})");
  call->answer("done");
  caller.join();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(*answer, "done");
}

TEST(ControlSocket, It_is_for_its_owner_only_and_goes_with_the_server) {
  const Folder folder;
  {
    const auto control = ControlSocket::listen(folder.path);
    ASSERT_TRUE(control);
    EXPECT_EQ(std::filesystem::status(control_path(folder.path)).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  EXPECT_FALSE(std::filesystem::exists(control_path(folder.path)));
  const auto nobody = call_server(folder.path, "{}", std::chrono::seconds(1));
  ASSERT_FALSE(nobody);
  EXPECT_NE(nobody.error().hint.find("sluice serve"), std::string::npos);
}

TEST(ControlSocket, The_socket_of_a_server_that_came_later_stays) {
  const Folder folder;
  auto first = std::make_unique<Result<ControlSocket>>(ControlSocket::listen(folder.path));
  const auto second = ControlSocket::listen(folder.path);
  ASSERT_TRUE(*first);
  ASSERT_TRUE(second);
  first.reset();
  EXPECT_TRUE(std::filesystem::exists(control_path(folder.path)));
}

TEST(ControlSocket, Who_says_nothing_holds_the_server_up_for_a_moment_only) {
  const Folder folder;
  const auto control = ControlSocket::listen(folder.path);
  ASSERT_TRUE(control);
  Result<std::string> answer = std::string();
  std::thread caller([&] { answer = call_server(folder.path, std::string(100'000, 'x'), std::chrono::seconds(30)); });
  ASSERT_TRUE(readable(control->fd(), 30'000));
  EXPECT_FALSE(control->accept()) << "longer than any request";
  caller.join();
  EXPECT_FALSE(answer);
}

TEST(ConfigWatch, A_written_a_renamed_and_a_relinked_file_are_seen) {
  const Folder folder;
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder.path / name) << text;
  };
  std::filesystem::create_directory(folder.path / "one");
  std::filesystem::create_directory(folder.path / "two");
  write("one/sluice.yaml", "a");
  write("two/sluice.yaml", "b");
  std::filesystem::create_directory_symlink("one", folder.path / "now");
  std::filesystem::create_symlink("now/sluice.yaml", folder.path / "sluice.yaml");
  const ConfigWatch watch(folder.path / "sluice.yaml");
  ASSERT_TRUE(watch.problem().empty()) << watch.problem();
  EXPECT_FALSE(readable(watch.fd(), 0));

  write("one/sluice.yaml", "c");
  EXPECT_TRUE(readable(watch.fd(), 30'000)) << "written in place, behind the link";
  watch.drain();
  std::filesystem::create_directory_symlink("two", folder.path / "next");
  std::filesystem::rename(folder.path / "next", folder.path / "now");
  EXPECT_TRUE(readable(watch.fd(), 30'000)) << "as Kubernetes replaces a ConfigMap";
  watch.drain();
  write("new", "d");
  std::filesystem::rename(folder.path / "new", folder.path / "sluice.yaml");
  EXPECT_TRUE(readable(watch.fd(), 30'000)) << "as editors save";
}

TEST(ConfigWatch, Without_a_file_or_a_folder_nothing_is_watched) {
  EXPECT_EQ(ConfigWatch("").fd(), -1);
  EXPECT_FALSE(ConfigWatch("/nowhere/at/all/sluice.yaml").problem().empty());
}

}  // namespace
}  // namespace sluice::serve
