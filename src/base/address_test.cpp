#include "base/address.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(ListenAddress, Reads_the_forms_that_people_write) {
  EXPECT_EQ(parse_listen_address("127.0.0.1:8080")->host, "127.0.0.1");
  EXPECT_EQ(parse_listen_address("[::1]:0")->host, "::1");
  EXPECT_EQ(parse_listen_address(":9")->host, "");
  EXPECT_EQ(parse_listen_address("unix:/run/s.sock")->unix_path, "/run/s.sock");
  for (const char* bad : {"", "8080", "a:", "a:b", "a:70000", "::1:8080", "[::1", "[::1]8080", "unix:rel", "a b:1"})
    EXPECT_FALSE(parse_listen_address(bad)) << bad;
}

TEST(BaseUrl, Splits_into_endpoint_and_path) {
  const auto url = parse_base_url("https://api.example.com/v1/");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->endpoint.host, "api.example.com");
  EXPECT_EQ(url->endpoint.port, 443);
  EXPECT_TRUE(url->endpoint.tls);
  EXPECT_EQ(url->path_prefix, "/v1");
  EXPECT_EQ(parse_base_url("http://[::1]:9001")->endpoint.host, "::1");
  EXPECT_EQ(parse_base_url("http://[::1]:9001")->host_header, "[::1]:9001");
}

TEST(BaseUrl, Refuses_what_could_be_read_in_two_ways) {
  for (const char* bad : {"ftp://a", "https://", "https://u:p@a/", "https://a?x", "https://a#x", "https://a\\b",
                          "https://a:0", "https://a b", "//a", "a.com", "https://[::1"})
    EXPECT_FALSE(parse_base_url(bad)) << bad;
}

TEST(PrivateHost, Is_known_by_what_it_is_called_alone) {
  for (const char* own :
       {"127.0.0.1",   "127.9.9.9",       "0.0.0.0",   "10.1.2.3",     "172.16.0.1",  "172.31.255.255",
        "192.168.1.1", "169.254.0.1",     "::1",       "::",           "fd00::1",     "fc00::1",
        "fe80::1",     "::ffff:10.0.0.1", "localhost", "LOCALHOST",    "ollama",      "gpu-box",
        "internal",    "gpu.local",       "GPU.Local", "a.b.internal", "x.localhost", "nas.home.arpa"})
    EXPECT_TRUE(is_private_host(own)) << own;
  for (const char* foreign : {"",
                              "8.8.8.8",
                              "172.15.0.1",
                              "172.32.0.1",
                              "192.169.0.1",
                              "100.64.0.1",
                              "11.0.0.1",
                              "2001:db8::1",
                              "fec0::1",
                              "::ffff:8.8.8.8",
                              "::8.8.8.8",
                              "ollama.com",
                              "gpu.example.com",
                              "local.example.com",
                              "134744072",
                              "0x08080808",
                              "127.0.0.1.example.com",
                              "127.1",
                              "notlocal.",
                              "x.local.",
                              "ai."})
    EXPECT_FALSE(is_private_host(foreign)) << foreign;
}

TEST(PlaceText, Says_where_an_endpoint_is) {
  EXPECT_EQ(place_text({.host = "api.example.com", .port = 443}), "api.example.com:443");
  EXPECT_EQ(place_text({.host = "::1", .port = 8080}), "[::1]:8080");
  EXPECT_EQ(place_text({.port = 8080}), "*:8080");
  EXPECT_EQ(place_text({.unix_path = "/run/sluice.sock"}), "unix:/run/sluice.sock");
}

TEST(ServerAddress, Is_a_url_or_a_unix_socket) {
  const auto url = parse_server_address("http://127.0.0.1:8080/");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->endpoint.port, 8080);
  const auto socket = parse_server_address("unix:/run/sluice.sock");
  ASSERT_TRUE(socket);
  EXPECT_EQ(socket->endpoint.unix_path, "/run/sluice.sock");
  EXPECT_EQ(socket->host_header, "localhost");
  EXPECT_EQ(socket->path_prefix, "");
  for (const char* wrong : {"127.0.0.1:8080", "unix:run/sluice.sock", "unix:", ""}) {
    const auto refused = parse_server_address(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_TRUE(refused.error().hint.contains("unix:/")) << refused.error().hint;
  }
}

}  // namespace
}  // namespace sluice
