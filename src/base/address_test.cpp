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

TEST(InternalHostOf, Finds_what_leads_inside_in_every_way_of_writing_it) {
  for (const auto& [link, host] : std::initializer_list<std::pair<const char*, const char*>>{
           {"http://127.0.0.1/a.png", "127.0.0.1"},
           {"HTTPS://LocalHost:8443/a", "localhost"},
           {"http://localhost./a", "localhost"},
           {"http://files.internal/a", "files.internal"},
           {"http://169.254.169.254/latest/meta-data", "169.254.169.254"},
           {"http://metadata.google.internal/", "metadata.google.internal"},
           {"http://10.1.2.3", "10.1.2.3"},
           {"http://2130706433/", "2130706433"},
           {"http://0x7f000001/", "0x7f000001"},
           {"http://0177.0.0.1/", "0177.0.0.1"},
           {"http://127.1/", "127.1"},
           {"http://0/", "0"},
           {"http://0.1.2.3/", "0.1.2.3"},
           {"http://[::1]:80/", "::1"},
           {"http://[::ffff:10.0.0.1]/", "::ffff:10.0.0.1"},
           {"http://[::10.0.0.1]/", "::10.0.0.1"},
           {"http://[64:ff9b::a00:1]/", "64:ff9b::a00:1"},
           {"http://[fe80::1%25eth0]/", "fe80::1"},
           {"http://[fd00::1]/", "fd00::1"},
           {"http://example.com@10.0.0.1/", "10.0.0.1"},
           {"http://a:b@c@10.0.0.1/", "10.0.0.1"},
           {"http://%31%30.0.0.1/", "10.0.0.1"},
           {"http:10.0.0.1/", "10.0.0.1"},
           {"http:\\\\10.0.0.1\\x", "(ambiguous)"},
           {"http://a.com\\@127.0.0.1/", "(ambiguous)"},
           {"http://100.100.100.200/", "100.100.100.200"},
           {"http://168.63.129.16/", "168.63.129.16"},
           {"http://192.0.0.192/", "192.0.0.192"},
           {"http://[2002:a9fe:a9fe::]/", "2002:a9fe:a9fe::"},
           {"http://[::ffff:100.64.0.1]/", "::ffff:100.64.0.1"},
           {"http://[fec0::1]/", "fec0::1"},
           {"gopher://127.0.0.1:6379/_", "gopher:"},
           {"ftp://example.com/x", "ftp:"},
           {"gs://bucket/a.pdf", "gs:"},
           {"//127.0.0.1/x", "file:"},
           {"/tmp/x.png", "file:"},
           {"../x.png", "file:"},
           {"/etc/passwd", "file:"},
           {"//etc/passwd", "file:"},
           {"models/secret", "file:"},
           {"/9j", "file:"},
           {" \thttp://10.0\n.0.1/", "10.0.0.1"},
           {"http://10.0.0.1?@example.com", "10.0.0.1"},
           {"http://10.0.0.1#@example.com", "10.0.0.1"},
           {"http://gpu7/x", "gpu7"},
           {"http:///", "(none)"},
           {"file:///etc/passwd", "file:"},
           {"FILE:/etc/passwd", "file:"}})
    EXPECT_EQ(internal_host_of(link), host) << link;
  const std::string far(5'000, 'a');
  EXPECT_EQ(internal_host_of("http://" + far + ".example.com@10.0.0.1/"), "(ambiguous)") << "the host is far behind";
  EXPECT_EQ(internal_host_of("https://example.com/" + far), "");
  const std::string spaces(5'000, ' ');
  EXPECT_EQ(internal_host_of(spaces + "http://10.0.0.1/"), "10.0.0.1") << "which libraries pass over";
  EXPECT_EQ(internal_host_of("http" + spaces + "://10.0.0.1/"), "10.0.0.1");
  EXPECT_EQ(internal_host_of(spaces + "/etc/passwd"), "file:");
  EXPECT_FALSE(internal_host_of("http://\xe2\x91\xa0\xe2\x93\xaa.0.0.1/").empty()) << "circled digits";
}

TEST(InternalHostOf, Lets_public_links_and_what_is_no_link_be) {
  for (const char* link :
       {"https://example.com/a.png", "http://8.8.8.8/", "http://134744072/", "http://[2001:4860:4860::8888]/",
        "https://example.com/?u=http://10.0.0.1/", "https://10.0.0.1.example.com/", "https://example.com/@10.0.0.1",
        "https://example.com/a\\b", "data:image/png;base64,AAAA", "iVBORw0KGgo=", "file-abc123", "/9j/4AAQSkZJRg==", "",
        "ab/cd+ef==", "R0lGODlhAQAB/AAA", "http", "http://[2002:808:808::]/", "http://100.128.0.1/",
        "https://user@example.com/"})
    EXPECT_EQ(internal_host_of(link), "") << link;
  EXPECT_EQ(internal_host_of("//uQ" + std::string(5'000, 'a')), "") << "longer than a path may be";
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
