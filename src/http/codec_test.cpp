// The sans-IO codecs: heads, chunked bodies, server-sent events.
#include <gtest/gtest.h>

#include "http/chunked.h"
#include "http/parse.h"
#include "http/serialize.h"
#include "http/sse.h"

namespace sluice::http {
namespace {

using State = HeadOutcome::State;

HeadOutcome parse(std::string_view text, RequestHead& head) { return parse_request_head(text, {}, head); }

TEST(RequestHead, Reads_what_a_client_sends) {
  RequestHead head;
  const std::string_view text =
      "POST /v1/messages?beta=true HTTP/1.1\r\nHost: a:1\r\nContent-Length: 12\r\nX-Api-Key:  k \r\n"
      "Connection: keep-alive, x\r\nExpect: 100-continue\r\n\r\nbody";
  const HeadOutcome outcome = parse(text, head);
  ASSERT_EQ(outcome.state, State::complete) << outcome.message;
  EXPECT_EQ(text.substr(outcome.bytes), "body");
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.path, "/v1/messages");
  EXPECT_EQ(head.query, "beta=true");
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_EQ(head.get("x-api-key"), "k");
  EXPECT_TRUE(head.keep_alive);
  EXPECT_TRUE(head.expect_continue);
}

TEST(RequestHead, Every_prefix_is_incomplete_and_never_wrong) {
  const std::string text = "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t n = 1; n < text.size(); ++n) {
    RequestHead head;
    EXPECT_EQ(parse(text.substr(0, n), head).state, State::incomplete) << n;
  }
}

TEST(RequestHead, Refuses_what_two_readers_could_understand_differently) {
  struct Case {
    const char* name;
    std::string text;
    int status;
  };
  const std::string start = "POST / HTTP/1.1\r\nHost: a\r\n";
  const Case cases[] = {
      {"CL.TE", start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"TE.CL", start + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
      {"TE.TE", start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
      {"xchunked", start + "Transfer-Encoding: xchunked\r\n\r\n", 501},
      {"gzip, chunked", start + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"two lengths", start + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
      {"length list", start + "Content-Length: 5, 5\r\n\r\n", 400},
      {"negative length", start + "Content-Length: -5\r\n\r\n", 400},
      {"plus length", start + "Content-Length: +5\r\n\r\n", 400},
      {"huge length", start + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {"hex length", start + "Content-Length: 0x10\r\n\r\n", 400},
      {"blank before colon", start + "Content-Length : 5\r\n\r\n", 400},
      {"folded line", start + "X: a\r\n b\r\n\r\n", 400},
      {"bare LF", "POST / HTTP/1.1\nHost: a\n\n\r\n\r\n", 400},
      {"bare CR", start + "X: a\rb\r\n\r\n", 400},
      {"NUL", start + std::string("X: a\0b\r\n\r\n", 10), 400},
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two hosts", start + "Host: b\r\n\r\n", 400},
      {"no colon", start + "Xa\r\n\r\n", 400},
      {"HTTP/1.0 chunked", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"no version", "GET /\r\nHost: a\r\n\r\n", 400},
      {"space in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
      {"host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"two names of the host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"no host in the target", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"scheme", "GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"tab after the target", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"two spaces", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"bare LF ends a header", start + "Content-Length: 5\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"bare LF ends the head", start + "X: a\r\n\n", 400},
      {"CR CR LF", start + "X: a\r\r\n\r\n", 400},
      {"colon first", start + ": a\r\n\r\n", 400},
      {"blank first line", start + " X: a\r\n\r\n", 400},
      {"DEL", start + "X: a\x7f\r\n\r\n", 400},
      {"vertical tab in the coding",
       start + "Transfer-Encoding: \x0b"
               "chunked\r\n\r\n",
       400},
      {"quoted coding", start + "Transfer-Encoding: \"chunked\"\r\n\r\n", 501},
      {"empty length", start + "Content-Length:\r\n\r\n", 400},
      {"length with blank inside", start + "Content-Length: 1 2\r\n\r\n", 400},
      {"the same length twice", start + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
      {"length of 2^63", start + "Content-Length: 9223372036854775808\r\n\r\n", 400},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      {"target without slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"method", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"TLS", "\x16\x03\x01", 400},
      {"target too long", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"head too long", start + "X: " + std::string(70000, 'a'), 431},
      {"expectation", start + "Expect: magic\r\n\r\n", 417},
  };
  for (const Case& c : cases) {
    RequestHead head;
    const HeadOutcome outcome = parse(c.text, head);
    EXPECT_EQ(outcome.state, State::malformed) << c.name;
    EXPECT_EQ(outcome.status, c.status) << c.name << ": " << outcome.message;
  }
  std::string many = start;
  for (int i = 0; i < 101; ++i) many += "X: a\r\n";
  RequestHead head;
  EXPECT_EQ(parse(many + "\r\n", head).status, 431);
}

TEST(RequestHead, Takes_a_target_that_names_the_host_too) {
  RequestHead head;
  ASSERT_EQ(parse("GET http://A:1?q HTTP/1.1\r\nHost: a:1\r\n\r\n", head).state, State::malformed);
  ASSERT_EQ(parse("GET http://A:1/v1/models?q=1 HTTP/1.1\r\nHost: a:1\r\n\r\n", head).state, State::complete);
  EXPECT_EQ(head.path, "/v1/models");
  EXPECT_EQ(head.query, "q=1");
  ASSERT_EQ(parse("GET http://a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", head).state, State::complete);
  EXPECT_EQ(head.path, "/");
}

TEST(RequestHead, Values_of_every_length_end_where_they_end) {
  for (std::size_t n = 0; n < 40; ++n) {
    const std::string value = std::string(n / 2, 'v') + (n % 2 ? "\xff\t\xff" : "") + std::string(n / 2, 'w');
    RequestHead head;
    const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX: " + value + "\r\n\r\n";
    ASSERT_EQ(parse(text, head).state, State::complete) << n;
    EXPECT_EQ(head.get("x"), value);
  }
}

TEST(RequestHead, Every_control_character_is_refused_at_every_place_of_a_value) {
  for (int c = 0; c < 128; ++c) {
    if (c >= 0x20 && c != 0x7f) continue;
    for (std::size_t place = 0; place <= 17; ++place) {
      std::string value(17, 'v');
      value.insert(place, 1, static_cast<char>(c));
      RequestHead head;
      const State state = parse("GET / HTTP/1.1\r\nHost: a\r\nX: " + value + "\r\n\r\n", head).state;
      EXPECT_EQ(state, c == '\t' ? State::complete : State::malformed) << c << " at " << place;
    }
  }
}

TEST(RequestHead, A_head_that_has_been_used_before_leaves_nothing_behind) {
  RequestHead head;
  ASSERT_EQ(
      parse("POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n",
            head)
          .state,
      State::complete);
  ASSERT_EQ(parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n", head).state, State::complete);
  EXPECT_FALSE(head.content_length);
  EXPECT_FALSE(head.expect_continue);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.query, "");
  EXPECT_EQ(head.end() - head.begin(), 1);
}

TEST(ResponseHead, Every_prefix_is_incomplete_and_never_wrong) {
  const std::string text = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
  ResponseHead head;
  for (std::size_t n = 0; n < text.size(); ++n)
    EXPECT_EQ(parse_response_head(text.substr(0, n), {}, head).state, State::incomplete) << n;
  EXPECT_EQ(parse_response_head(text, {}, head).bytes, text.size());
}

TEST(ResponseHead, Refuses_two_ways_to_tell_the_length) {
  ResponseHead head;
  for (const char* fields :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "X: a\r\n b\r\n", "X : a\r\n"})
    EXPECT_EQ(parse_response_head("HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n", {}, head).state,
              State::malformed)
        << fields;
}

TEST(ResponseHead, Reads_status_framing_and_persistence) {
  ResponseHead head;
  ASSERT_EQ(parse_response_head("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", {}, head).state, State::complete);
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(head.chunked);
  ASSERT_EQ(parse_response_head("HTTP/1.0 404 Not Found\r\n\r\n", {}, head).state, State::complete);
  EXPECT_FALSE(head.chunked);
  EXPECT_FALSE(head.keep_alive);
  for (const char* bad :
       {"HTTP/1.1 20 OK\r\n\r\n", "HTTP/3 200 OK\r\n\r\n", "<html>\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n"})
    EXPECT_EQ(parse_response_head(bad, {}, head).state, State::malformed) << bad;
}

TEST(Chunked, Any_split_gives_the_same_body) {
  const std::string coded = "4\r\nwiki\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\nNEXT";
  for (std::size_t cut = 0; cut <= coded.size(); ++cut) {
    ChunkedDecoder decoder;
    std::string out;
    std::string rest = coded.substr(0, cut);
    rest.erase(0, *decoder.decode(rest, out));
    rest += coded.substr(cut);
    rest.erase(0, *decoder.decode(rest, out));
    EXPECT_TRUE(decoder.finished()) << cut;
    EXPECT_EQ(out, "wiki0123456789");
    EXPECT_EQ(rest, "NEXT");
  }
}

TEST(Chunked, Refuses_games_with_sizes_and_line_ends) {
  for (const char* bad :
       {"-1\r\n", "\r\n", "g\r\n", "1\nx", "1\r\nxy", "1\r\nx\n", "fffffffffffffffff\r\n", "0x1\r\n", "1 ;\n", "1 \r\n",
        " 1\r\n", "1;a\nb\r\n", "1;a\r\r\n", "0\r\nA: b\nC: d\r\n", "0\r\n\n", "0\r\r\n", "+1\r\n", "1\r\nx\r\r\n"}) {
    ChunkedDecoder decoder;
    std::string out;
    EXPECT_FALSE(decoder.decode(bad, out)) << bad;
  }
  ChunkedDecoder decoder;
  std::string out;
  EXPECT_FALSE(decoder.decode("1;" + std::string(5000, 'e'), out));
}

TEST(Chunked, Extensions_are_bounded_over_the_whole_body) {
  ChunkedDecoder decoder;
  std::string out;
  Result<std::size_t> used;
  for (int i = 0; i < 1000 && (used = decoder.decode("1;0123456789\r\nx\r\n", out)); ++i) continue;
  EXPECT_FALSE(used);
  EXPECT_LT(out.size(), 1000U);
}

TEST(Chunked, What_is_written_reads_back) {
  std::string coded;
  append_chunk(coded, "hello");
  append_chunk(coded, "");
  append_chunk(coded, std::string(100000, 'z'));
  append_last_chunk(coded, {{"x-a", "1"}, {"x-b", "bad\r\nvalue"}});
  EXPECT_EQ(coded.find("bad"), std::string::npos);
  ChunkedDecoder decoder;
  std::string out;
  ASSERT_EQ(*decoder.decode(coded, out), coded.size());
  EXPECT_TRUE(decoder.finished());
  EXPECT_EQ(out.size(), 100005u);
}

TEST(Serialize, A_value_cannot_break_out_of_its_line) {
  std::string out;
  append_field(out, "a", "x\r\nevil: 1");
  append_field(out, "a\r\nevil", "1");
  EXPECT_EQ(out, "");
}

struct Seen {
  std::string raw, event, data;
  bool has_data;
};

std::vector<Seen> split(const std::vector<std::string>& pieces) {
  SseSplitter splitter;
  std::vector<Seen> seen;
  for (const std::string& piece : pieces) {
    EXPECT_TRUE(splitter.feed(piece));
    while (auto event = splitter.next())
      seen.push_back({std::string(event->raw), std::string(event->event), std::string(event->data), event->has_data});
  }
  return seen;
}

TEST(Sse, Reads_all_line_ends_names_comments_and_joined_data) {
  const auto seen =
      split({"\xEF\xBB\xBF: hi\n\nevent: a\r\ndata: 1\r\ndata:2\r\n\r\ndata\rid: 3\r\rdata: [DONE]\n\nrest"});
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_FALSE(seen[0].has_data);
  EXPECT_EQ(seen[0].raw, "\xEF\xBB\xBF: hi\n\n");
  EXPECT_EQ(seen[1].event, "a");
  EXPECT_EQ(seen[1].data, "1\n2");
  EXPECT_TRUE(seen[2].has_data);
  EXPECT_EQ(seen[2].data, "");
  EXPECT_EQ(seen[3].data, "[DONE]");
}

TEST(Sse, Every_byte_boundary_gives_the_same_data_and_the_same_bytes) {
  const std::string text = "event: a\ndata: {\"x\":\"\xC3\xA9\"}\n\n: ping\n\ndata: 1\r\ndata: 2\r\n\r\ndata: end\n\n";
  const auto whole = split({text});
  for (std::size_t a = 0; a <= text.size(); ++a)
    for (std::size_t b = a; b <= text.size(); b += 7) {
      std::string raw;
      std::vector<std::string> data;
      for (const Seen& seen : split({text.substr(0, a), text.substr(a, b - a), text.substr(b)})) {
        raw += seen.raw;
        if (seen.has_data) data.push_back(seen.event + "|" + seen.data);
      }
      EXPECT_EQ(raw, text);
      EXPECT_EQ(data, (std::vector<std::string>{"a|{\"x\":\"\xC3\xA9\"}", "|1\n2", "|end"})) << a << " " << b;
    }
}

TEST(Sse, Cr_alone_ends_lines_too_wherever_the_stream_is_cut) {
  const std::string text = "event: a\rdata: 1\rdata: 2\r\r: c\r\rdata: 3\r\r";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    std::string raw;
    std::vector<std::string> data;
    for (const Seen& seen : split({text.substr(0, cut), text.substr(cut)})) {
      raw += seen.raw;
      if (seen.has_data) data.push_back(seen.event + "|" + seen.data);
    }
    EXPECT_EQ(raw, text);
    EXPECT_EQ(data, (std::vector<std::string>{"a|1\n2", "|3"})) << cut;
  }
}

TEST(Sse, Lines_longer_than_a_search_step_are_found) {
  for (const std::size_t length : {505U, 506U, 507U, 511U, 512U, 513U, 1024U, 5000U})
    for (const char* line_end : {"\n", "\r\n", "\r"}) {
      const std::string value(length, 'x');
      const auto seen = split({"data: " + value + line_end + line_end + "data: y" + line_end + line_end});
      ASSERT_EQ(seen.size(), 2U) << length;
      EXPECT_EQ(seen[0].data, value);
      EXPECT_EQ(seen[1].data, "y");
    }
}

// Each byte is looked at a bounded number of times: a quadratic splitter would take minutes here.
TEST(Sse, Time_is_linear_in_the_bytes_however_they_come) {
  SseSplitter splitter;
  const std::string piece(256, 'x');
  for (int i = 0; i < 16'000; ++i) {
    ASSERT_TRUE(splitter.feed(piece));
    ASSERT_FALSE(splitter.next());
  }
  ASSERT_TRUE(splitter.feed(std::string_view("\n\n")));
  EXPECT_TRUE(splitter.next());
  ASSERT_TRUE(splitter.feed(std::string(2'000'000, '\r')));
  std::size_t events = 0;
  while (splitter.next()) ++events;
  EXPECT_EQ(events, 2'000'000U);
}

TEST(Sse, An_event_without_its_empty_line_is_not_delivered) {
  SseSplitter splitter;
  ASSERT_TRUE(splitter.feed(std::string_view("data: 1\n\ndata: half")));
  EXPECT_TRUE(splitter.next());
  EXPECT_FALSE(splitter.next());
  EXPECT_EQ(splitter.leftover(), "data: half");
}

// However the stream is cut, and whether its bytes are copied, taken over, or given back when they have been read.
TEST(Sse, Bytes_that_are_taken_over_give_the_same_events) {
  const std::string stream =
      "\xEF\xBB\xBF"
      "data: one\r\n\r\n: comment\n\nevent: e\rdata: two\rdata: lines\r\rdata: last\n\n";
  const auto events_of = [&](std::size_t piece_bytes, bool take) {
    SseSplitter splitter;
    std::string told;
    for (std::size_t at = 0; at < stream.size(); at += piece_bytes) {
      std::string piece = stream.substr(at, piece_bytes);
      EXPECT_TRUE(take ? splitter.feed(std::move(piece)) : splitter.feed(std::string_view(piece)));
      while (const auto event = splitter.next()) told.append(event->raw).append("|").append(event->data).append("|");
      if (take) splitter.forget_read();
    }
    return told.append(splitter.leftover());
  };
  for (std::size_t piece_bytes = 1; piece_bytes <= stream.size(); ++piece_bytes)
    EXPECT_EQ(events_of(piece_bytes, true), events_of(piece_bytes, false)) << piece_bytes;
  EXPECT_EQ(
      events_of(stream.size(), true),
      "\xEF\xBB\xBF"
      "data: one\r\n\r\n|one|: comment\n\n||event: e\rdata: two\rdata: lines\r\r|two\nlines|data: last\n\n|last|");
}

TEST(Sse, One_event_has_a_bound) {
  SseSplitter splitter;
  const std::string piece(1 << 20, 'x');
  Result<void> fed;
  for (int i = 0; i < 20 && (fed = splitter.feed(piece)); ++i) EXPECT_FALSE(splitter.next());
  EXPECT_FALSE(fed);
}

}  // namespace
}  // namespace sluice::http
