#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "async/scope.h"
#include "net/connect.h"

namespace sluice::net {
namespace {

using async::Deadline;
using async::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct NetTest : testing::Test {
  Reactor reactor;
  Resolver resolver{reactor};
  Connector connector{reactor, resolver, nullptr};
  async::Scope scope;
  std::unique_ptr<Listener> listener = *Listener::listen(reactor, *numeric_address("127.0.0.1", 0), false);

  Deadline soon() { return reactor.within(seconds(20)); }
  Endpoint here() { return {.host = "127.0.0.1", .port = listener->local_address().port()}; }
  template <class Done>
  void run_until(Done done) {
    const auto give_up = async::Clock::now() + seconds(30);
    while (!done()) {
      ASSERT_LT(async::Clock::now(), give_up);
      reactor.run_once();
    }
  }
};

Task<> echo_once(Listener& listener, Deadline deadline) {
  auto socket = co_await listener.accept(deadline);
  char buffer[4096];
  for (;;) {
    auto got = co_await (*socket)->read(buffer, deadline);
    if (!got || *got == 0) co_return;
    auto sent = co_await (*socket)->write({buffer, *got}, {}, deadline);
    if (!sent) co_return;
  }
}

Task<> send_and_collect(Connector& connector, Endpoint endpoint, std::string text, std::string& out,
                        Deadline deadline) {
  auto stream = co_await connect(connector, endpoint, deadline);
  EXPECT_TRUE(stream) << stream.error().message;
  if (!stream) co_return;
  // Write in a job of its own: a large text fills the kernel's buffers until the echo is read.
  async::Scope writing;
  writing.spawn(
      [](Stream* s, std::string_view t, Deadline d) -> Task<> {
        auto sent = co_await s->write(t.substr(0, 3), t.substr(3), d);
        EXPECT_TRUE(sent);
      },
      stream->get(), std::string_view(text), deadline);
  char buffer[8192];
  while (out.size() < text.size()) {
    auto got = co_await (*stream)->read(buffer, deadline);
    if (!got || *got == 0) co_return;
    out.append(buffer, *got);
  }
}

TEST_F(NetTest, Moves_more_bytes_than_the_kernel_buffers_hold) {
  const std::string text(3'000'000, 'x');
  std::string out;
  scope.spawn(echo_once, std::ref(*listener), soon());
  scope.spawn(send_and_collect, std::ref(connector), here(), text, std::ref(out), soon());
  run_until([&] { return out.size() == text.size(); });
  EXPECT_EQ(out, text);
}

Task<> send_pieces(Connector& connector, Endpoint endpoint, Stream::Pieces pieces, Deadline deadline) {
  auto stream = co_await connect(connector, endpoint, deadline);
  EXPECT_TRUE(stream) << stream.error().message;
  if (!stream) co_return;
  auto sent = co_await (*stream)->write(pieces, deadline);
  EXPECT_TRUE(sent);
}

Task<> collect(Listener& listener, std::string& out, bool& done, Deadline deadline) {
  auto socket = co_await listener.accept(deadline);
  char buffer[8192];
  for (;;) {
    auto got = co_await (*socket)->read(buffer, deadline);
    if (!got || *got == 0) break;
    out.append(buffer, *got);
  }
  done = true;
}

// The kernel takes them in parts that end anywhere.
TEST_F(NetTest, Pieces_arrive_one_behind_the_other) {
  std::array<std::string, 4> texts = {"head ", "", "", " end"};
  for (int i = 0; i < 3'000'000; ++i) texts[2].push_back(static_cast<char>('a' + i % 26));
  for (const bool with_second : {false, true}) {
    if (with_second) texts[1] = texts[2];
    std::string out;
    bool done = false;
    scope.spawn(collect, std::ref(*listener), std::ref(out), std::ref(done), soon());
    scope.spawn(send_pieces, std::ref(connector), here(), Stream::Pieces{texts[0], texts[1], texts[2], texts[3]},
                soon());
    run_until([&] { return done; });
    EXPECT_TRUE(out == texts[0] + texts[1] + texts[2] + texts[3]) << out.size();
  }
}

TEST_F(NetTest, A_deadline_that_passes_between_two_rounds_is_not_slept_over) {
  bool woken = false;
  bool next_timer = false;
  const auto wait = [](Reactor* r, milliseconds time, bool* done) -> Task<> {
    co_await r->scheduler().sleep(r->within(time));
    *done = true;
  };
  scope.spawn(wait, &reactor, milliseconds(1), &woken);
  scope.spawn(wait, &reactor, milliseconds(3'000), &next_timer);
  std::this_thread::sleep_for(milliseconds(5));  // this round's code takes longer than the deadline
  run_until([&] { return woken; });
  EXPECT_FALSE(next_timer) << "the round waited for the next timer";
}

TEST_F(NetTest, A_refused_connection_names_the_place_and_may_be_tried_elsewhere) {
  const Endpoint nobody = here();
  listener.reset();
  std::optional<Error> error;
  scope.spawn(
      [](Connector* c, Endpoint e, std::optional<Error>* out, Deadline d) -> Task<> {
        auto stream = co_await connect(*c, e, d);
        if (!stream) *out = stream.error();
      },
      &connector, nobody, &error, soon());
  run_until([&] { return error.has_value(); });
  EXPECT_EQ(error->kind, ErrorKind::provider_unreachable);
  EXPECT_NE(error->message.find("127.0.0.1:" + std::to_string(nobody.port)), std::string::npos) << error->message;
  EXPECT_EQ(error->retry, Retry::anywhere);
}

TEST_F(NetTest, A_silent_peer_ends_the_read_at_its_deadline) {
  std::optional<Error> error;
  scope.spawn(
      [](Connector* c, Endpoint e, std::optional<Error>* out) -> Task<> {
        auto stream = co_await connect(*c, e, c->reactor.within(seconds(20)));
        char byte[1];
        auto got = co_await (*stream)->read(byte, c->reactor.within(milliseconds(30)));
        if (!got) *out = got.error();
      },
      &connector, here(), &error);
  run_until([&] { return error.has_value(); });
  EXPECT_EQ(error->kind, ErrorKind::provider_timeout);
}

TEST_F(NetTest, A_peer_that_leaves_fires_the_cancel_although_nobody_reads) {
  bool done = false;
  std::optional<Error> error;
  scope.spawn(
      [](NetTest* test, bool* finished, std::optional<Error>* out) -> Task<> {
        auto client = co_await connect(test->connector, test->here(), test->soon());
        auto served = co_await test->listener->accept(test->soon());
        async::Cancel gone;
        (*served)->fire_on_hangup(&gone);
        client->reset();  // closes
        // Waits on another thing than the socket that hangs up.
        auto other = co_await connect(test->connector, test->here(), test->soon());
        char byte[1];
        auto got = co_await (*other)->read(byte, test->reactor.within(seconds(20), &gone));
        if (!got) *out = got.error();
        (*served)->fire_on_hangup(nullptr);
        *finished = true;
      },
      this, &done, &error);
  run_until([&] { return done; });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::client_gone);
}

TEST_F(NetTest, Unix_sockets_and_ipv6_connect_alike) {
  const std::string path = "/tmp/sluice-net-test-" + std::to_string(getpid()) + ".sock";
  auto local = Listener::listen(reactor, *unix_address(path), false);
  ASSERT_TRUE(local) << local.error().message;
  std::string out;
  scope.spawn(echo_once, std::ref(**local), soon());
  scope.spawn(send_and_collect, std::ref(connector), Endpoint{.unix_path = path}, std::string("hello"), std::ref(out),
              soon());
  run_until([&] { return out.size() == 5; });
  std::remove(path.c_str());

  auto six = Listener::listen(reactor, *numeric_address("::1", 0), false);
  if (!six) GTEST_SKIP() << "this machine has no IPv6: " << six.error().message;
  out.clear();
  scope.spawn(echo_once, std::ref(**six), soon());
  scope.spawn(send_and_collect, std::ref(connector), Endpoint{.host = "::1", .port = (*six)->local_address().port()},
              std::string("hello"), std::ref(out), soon());
  run_until([&] { return out.size() == 5; });
}

TEST_F(NetTest, A_taken_port_is_one_clear_error) {
  auto second = Listener::listen(reactor, listener->local_address(), false);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find(listener->local_address().text()), std::string::npos);
  EXPECT_FALSE(second.error().hint.empty());
}

// A path for a Unix socket, free before and after.
struct UnixPath {
  std::string path = "/tmp/sluice-net-test-" + std::to_string(getpid()) + ".sock";
  SocketAddress address = *unix_address(path);
  UnixPath() { std::filesystem::remove(path); }
  ~UnixPath() { std::filesystem::remove(path); }
  // What a server leaves that is killed.
  void leave_a_dead_socket() {
    const Fd dead(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(bind(dead.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length), 0);
  }
};

TEST_F(NetTest, A_unix_sockets_file_goes_with_its_listener) {
  const UnixPath place;
  for (int round = 0; round < 2; ++round) {
    auto local = Listener::listen(reactor, place.address, false);
    ASSERT_TRUE(local) << local.error().message;
    EXPECT_TRUE(std::filesystem::is_socket(place.path));
    local->reset();
    EXPECT_FALSE(std::filesystem::exists(place.path));
  }
}

TEST_F(NetTest, A_unix_sockets_file_of_another_listener_stays) {
  const UnixPath place;
  auto first = Listener::listen(reactor, place.address, false);
  ASSERT_TRUE(first) << first.error().message;
  std::filesystem::remove(place.path);
  auto second = Listener::listen(reactor, place.address, false);
  ASSERT_TRUE(second) << second.error().message;
  first->reset();
  EXPECT_TRUE(std::filesystem::is_socket(place.path));
}

TEST_F(NetTest, A_unix_socket_that_a_killed_server_left_is_replaced) {
  UnixPath place;
  place.leave_a_dead_socket();
  ASSERT_TRUE(Listener::check_free(place.address));
  place.leave_a_dead_socket();
  auto local = Listener::listen(reactor, place.address, false);
  EXPECT_TRUE(local) << local.error().message;
}

TEST_F(NetTest, A_unix_socket_that_answers_or_is_no_socket_is_one_clear_error) {
  const UnixPath place;
  auto first = Listener::listen(reactor, place.address, false);
  ASSERT_TRUE(first) << first.error().message;
  const auto second = Listener::listen(reactor, place.address, false);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "cannot listen on unix:" + place.path + ": already in use");
  EXPECT_NE(second.error().hint.find("--listen"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_socket(place.path));
  first->reset();

  std::ofstream(place.path) << "a letter";
  const auto third = Listener::listen(reactor, place.address, false);
  ASSERT_FALSE(third);
  EXPECT_NE(third.error().message.find("no socket"), std::string::npos) << third.error().message;
  EXPECT_TRUE(std::filesystem::is_regular_file(place.path));
}

TEST_F(NetTest, An_unknown_name_is_an_error_and_not_a_wait) {
  std::optional<Error> error;
  scope.spawn(
      [](NetTest* test, std::optional<Error>* out) -> Task<> {
        auto found = co_await test->resolver.resolve("no-such-host.invalid", 443, test->soon());
        if (!found) *out = found.error();
      },
      this, &error);
  run_until([&] { return error.has_value(); });
  EXPECT_TRUE(error->kind == ErrorKind::provider_unreachable || error->kind == ErrorKind::provider_timeout);
}

TEST_F(NetTest, Localhost_resolves_without_a_name_server) {
  std::size_t count = 0;
  scope.spawn(
      [](NetTest* test, std::size_t* out) -> Task<> {
        auto found = co_await test->resolver.resolve("localhost", 80, test->soon());
        EXPECT_TRUE(found) << found.error().message;
        *out = found ? found->size() : 99;
      },
      this, &count);
  run_until([&] { return count > 0; });
}

TEST_F(NetTest, Work_posted_from_another_thread_runs_on_the_reactor) {
  std::thread::id ran_on;
  std::thread other([&] { reactor.post([&] { ran_on = std::this_thread::get_id(); }); });
  run_until([&] { return ran_on != std::thread::id(); });
  other.join();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

// --- the authorities

// Self-signed by "CN=test"; its key is nowhere.
constexpr const char* a_certificate = R"(-----BEGIN CERTIFICATE-----
MIIBdDCCARugAwIBAgIUOV1sEycJjSQgkA0vF1pSWU89YlMwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjcwNzU0MzRaGA8yMTI2MTEwMzA3NTQz
NFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGQ0
91r3qv6bdBYnt3Hq9ziAx+mZHqtRebQglJXoKQeHGf7f1nqhJEBHiogCPINgbay9
YinzmaBTT1zVyyQ8GNqjUzBRMB0GA1UdDgQWBBTJIIykaZCVwtzBcU65hpl7xNpP
fTAfBgNVHSMEGDAWgBTJIIykaZCVwtzBcU65hpl7xNpPfTAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0cAMEQCIBRNNLDi1MYYeou4Q8J3Bz9NAuKhHCRhYtDa
qiZKINRVAiAXkbIOMroMdspJREqAqEjiGY2Nj7xKSATnApwjM930PQ==
-----END CERTIFICATE-----
)";

struct AuthoritiesTest : testing::Test {
  std::string folder = (std::filesystem::temp_directory_path() / "sluice-ca-XXXXXX").string();
  void SetUp() override {
    ASSERT_TRUE(mkdtemp(folder.data()));
    std::ofstream(folder + "/ca.pem") << a_certificate;
    ASSERT_TRUE(std::filesystem::create_directory(folder + "/certs"));
  }
  void TearDown() override {
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
    std::filesystem::remove_all(folder);
  }
  Authorities look(const std::string& file, const std::string& directory) {
    setenv("SSL_CERT_FILE", (folder + file).c_str(), 1);
    setenv("SSL_CERT_DIR", (folder + directory).c_str(), 1);
    return system_authorities();
  }
};

TEST_F(AuthoritiesTest, Are_counted_where_OpenSSL_looks_for_them) {
  std::filesystem::copy_file(folder + "/ca.pem", folder + "/certs/0123abcd.0");
  std::filesystem::copy_file(folder + "/ca.pem", folder + "/certs/named.pem");  // it is not found by its hash
  const Authorities found = look("/ca.pem", "/certs:/nowhere");
  EXPECT_EQ(found.in_file, 1u);
  EXPECT_EQ(found.in_directory, 1u);
  EXPECT_TRUE(found.file_is_named);
  EXPECT_EQ(found.file, folder + "/ca.pem");
}

TEST_F(AuthoritiesTest, Are_none_in_a_bundle_that_is_missing_empty_or_something_else) {
  std::ofstream(folder + "/empty.pem");
  std::ofstream(folder + "/text.pem") << "no certificate\n";
  for (const char* file : {"/missing.pem", "/empty.pem", "/text.pem"}) {
    const Authorities found = look(file, "/certs");
    EXPECT_EQ(found.in_file, 0u) << file;
    EXPECT_EQ(found.in_directory, 0u) << file;
  }
}

}  // namespace
}  // namespace sluice::net
