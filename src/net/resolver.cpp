#include "net/resolver.h"

#include <ares.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace sluice::net {
namespace {

// There is no such name; anything else may pass.
bool is_certain(int status) { return status == ARES_SUCCESS || status == ARES_ENOTFOUND || status == ARES_ENODATA; }

constexpr std::size_t max_cached_names = 1024;
constexpr std::chrono::seconds max_ttl{60};     // a provider that moves is found again within a minute
constexpr std::chrono::milliseconds tick{200};  // how often c-ares may look at its own timeouts while a query runs

void start_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) throw std::runtime_error("c-ares cannot start");
  });
}

}  // namespace

struct Resolver::State {
  struct Entry {
    std::vector<SocketAddress> addresses;
    async::TimePoint good_until;
  };

  // A socket of c-ares that the reactor watches for it.
  class QuerySocket : public Watched {
   public:
    QuerySocket(State& state, ares_socket_t fd) : state_(state), fd_(fd) {}
    ~QuerySocket() override { state_.reactor.unwatch(fd_); }
    void want(bool readable, bool writable) {
      events_ = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
      if (watched_) state_.reactor.rewatch(fd_, events_, *this);
      resume();
    }
    void resume() {
      if (!watched_) state_.reactor.watch(fd_, events_, *this);
      watched_ = true;
    }

   private:
    // c-ares may close sockets and finish queries when it is told, which must not happen here: a query's waiter is
    // woken and tells it from its own coroutine. An answer whose askers have all left stays in the socket until the
    // next question; watched on, it would be reported again and again.
    void on_events(std::uint32_t) override {
      if (state_.pumps.front()) return state_.wake_pumps();
      state_.reactor.unwatch(fd_);
      watched_ = false;
    }
    State& state_;
    ares_socket_t fd_;
    std::uint32_t events_ = 0;
    bool watched_ = false;
  };

  // Whoever waits for an answer drives c-ares when a socket has changed.
  struct PumpNode : async::ListNode {};
  class Pump : public async::Wait, public PumpNode {
   public:
    Pump(State& state, async::Deadline deadline)
        : Wait(state.reactor.scheduler()), state_(state), deadline_(deadline) {}
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> coroutine) {
      state_.pumps.push_back(*this);
      arm(coroutine, deadline_);
    }
    async::Woken await_resume() const { return woken(); }

   private:
    State& state_;
    async::Deadline deadline_;
  };

  // One question. Lives on the heap until c-ares has answered, however early its asker leaves.
  struct Query {
    State& state;
    bool done = false;
    bool abandoned = false;
    int status = ARES_SUCCESS;
    std::vector<SocketAddress> addresses;
    int ttl_seconds = 0;
  };

  explicit State(Reactor& r) : reactor(r) {
    start_library();
    ares_options options{};
    options.timeout = 2000;
    options.tries = 2;
    options.sock_state_cb = [](void* data, ares_socket_t fd, int readable, int writable) {
      static_cast<State*>(data)->watch(fd, readable != 0, writable != 0);
    };
    options.sock_state_cb_data = this;
    if (ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) !=
        ARES_SUCCESS)
      throw std::runtime_error("c-ares cannot start");
  }
  ~State() {
    ares_destroy(channel);
    sockets.clear();
  }

  void watch(ares_socket_t fd, bool readable, bool writable) {
    if (!readable && !writable) {
      sockets.erase(fd);
      return;
    }
    auto& socket = sockets[fd];
    if (!socket) socket = std::make_unique<QuerySocket>(*this, fd);
    socket->want(readable, writable);
  }

  void wake_pumps() {
    while (Pump* pump = pumps.pop_front()) pump->wake(async::Woken::event);
  }

  // Lets c-ares read what came, send what it has, and give up what has timed out.
  void process() {
    ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // timeouts
    std::vector<ares_socket_t> open;
    for (const auto& [fd, socket] : sockets) open.push_back(fd);
    for (const ares_socket_t fd : open)
      if (sockets.contains(fd)) ares_process_fd(channel, fd, fd);
    resume_sockets();
    // An answer may be another's. Without one nobody is woken, or two who wait would wake each other for ever.
    if (std::exchange(answered_one, false)) wake_pumps();
  }

  void resume_sockets() {
    for (const auto& [fd, socket] : sockets) socket->resume();
  }

  static void answered(void* argument, int status, int, ares_addrinfo* info);
  bool answered_one = false;  // since the askers were last woken

  Reactor& reactor;
  ares_channel channel = nullptr;
  std::unordered_map<ares_socket_t, std::unique_ptr<QuerySocket>> sockets;
  async::List<Pump, PumpNode> pumps;
  std::map<std::string, Entry> cache;
};

void Resolver::State::answered(void* argument, int status, int, ares_addrinfo* info) {
  std::unique_ptr<Query> abandoned;
  auto* query = static_cast<Query*>(argument);
  if (query->abandoned) abandoned.reset(query);
  query->done = true;
  query->state.answered_one = true;
  query->status = status;
  if (!info) return;
  int ttl = static_cast<int>(max_ttl.count());
  for (const ares_addrinfo_node* node = info->nodes; node; node = node->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, node->ai_addr, node->ai_addrlen);
    address.length = node->ai_addrlen;
    query->addresses.push_back(address);
    ttl = std::min(ttl, node->ai_ttl);
  }
  query->ttl_seconds = std::max(ttl, 0);
  ares_freeaddrinfo(info);
}

Resolver::Resolver(Reactor& reactor) : state_(std::make_unique<State>(reactor)) {}
Resolver::~Resolver() = default;

async::Task<Result<std::vector<SocketAddress>>> Resolver::resolve(std::string host, std::uint16_t port,
                                                                  async::Deadline deadline) {
  if (auto literal = numeric_address(host, port)) co_return std::vector<SocketAddress>{*literal};
  const std::string key = host + ":" + std::to_string(port);
  State& state = *state_;
  if (const auto found = state.cache.find(key); found != state.cache.end()) {
    if (found->second.good_until > state.reactor.now()) co_return found->second.addresses;
    state.cache.erase(found);
  }

  struct Asked {  // gives the query to c-ares if its asker leaves first
    std::unique_ptr<State::Query> query;
    ~Asked() {
      if (query->done) return;
      query->abandoned = true;
      (void)query.release();
    }
  } asked{std::unique_ptr<State::Query>(new State::Query{.state = state})};
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = ARES_AI_NUMERICSERV;
  ares_getaddrinfo(state.channel, host.c_str(), std::to_string(port).c_str(), &hints, State::answered,
                   asked.query.get());
  state.resume_sockets();
  while (!asked.query->done) {
    const async::Woken woken = co_await State::Pump(state, deadline.earlier(state.reactor.now() + tick));
    if (woken == async::Woken::cancelled) co_return fail(ErrorKind::client_gone, "the client closed the connection");
    if (state.reactor.now() >= deadline.at)
      co_return std::unexpected(Error{.kind = ErrorKind::provider_timeout,
                                      .message = "no answer from DNS for '" + host + "' in time",
                                      .retry = Retry::anywhere});
    state.process();
  }
  if (asked.query->status != ARES_SUCCESS || asked.query->addresses.empty())
    co_return std::unexpected(Error{.kind = ErrorKind::provider_unreachable,
                                    .message = "cannot resolve '" + host + "': " + ares_strerror(asked.query->status),
                                    .hint = "check the provider's base_url and this machine's DNS",
                                    .retry = is_certain(asked.query->status) ? Retry::elsewhere : Retry::anywhere});
  if (state.cache.size() >= max_cached_names) state.cache.clear();
  const auto ttl = std::min<std::chrono::seconds>(max_ttl, std::chrono::seconds(asked.query->ttl_seconds));
  state.cache[key] = {asked.query->addresses, state.reactor.now() + ttl};
  co_return std::move(asked.query->addresses);
}

}  // namespace sluice::net
