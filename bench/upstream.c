// A fast, single-threaded stand-in for an OpenAI-compatible provider, for benchmarks: epoll, keep-alive,
// Content-Length bodies. Build: cc -O2 -o upstream upstream.c
// Usage: upstream PORT [DELAY_MS [CHUNKS [INTERVAL_MS]]]
//   POST */chat/completions   one completion after DELAY_MS; with "stream":true, CHUNKS events INTERVAL_MS apart
//                             (0 = all at once); with "include_usage", "usage":null on each and a usage event; then
//                             [DONE]
//   POST */embeddings         one vector of 8 floats per call
//   GET  /stats               {"requests":N,"streams":N,"chunks":N,"aborted":N}
// Faults by path prefix: /f500 /f429 /f503 (an error body), /fhang (never answers), /fcut (a stream cut half-way),
// /fgarbage (a stream event that is not JSON).
// The content of a chunk that is sent on time (INTERVAL_MS over 0) is " @MICROSECONDS", CLOCK_MONOTONIC at its sending.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CAP = 1 << 16, MAXFD = 1 << 16 };
typedef struct {
  int fd, state; // state: 0 reading, 1 waiting to answer, 2 streaming
  char *in;
  size_t inlen, incap;
  char *out;
  size_t outlen, outcap;
  int stream, usage, kind, sent, fault;
  double due;
  int timer;
} conn;
static conn *conns[MAXFD];
static int ep, delay_ms = 0, chunks = 50, interval_ms = 0;
static long n_req, n_stream, n_chunk, n_abort;
// timers: a binary heap of fds by due time
static int heap[MAXFD];
static int heapn;
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}
static void hswap(int a, int b) {
  int t = heap[a];
  heap[a] = heap[b];
  heap[b] = t;
  conns[heap[a]]->timer = a;
  conns[heap[b]]->timer = b;
}
static void hup(int i) {
  while (i && conns[heap[i]]->due < conns[heap[(i - 1) / 2]]->due) {
    hswap(i, (i - 1) / 2);
    i = (i - 1) / 2;
  }
}
static void hdown(int i) {
  for (;;) {
    int l = 2 * i + 1, m = i;
    if (l < heapn && conns[heap[l]]->due < conns[heap[m]]->due) m = l;
    if (l + 1 < heapn && conns[heap[l + 1]]->due < conns[heap[m]]->due) m = l + 1;
    if (m == i) return;
    hswap(i, m);
    i = m;
  }
}
static void arm(conn *c, double due) {
  c->due = due;
  if (c->timer < 0) {
    c->timer = heapn;
    heap[heapn++] = c->fd;
  }
  hup(c->timer);
  hdown(c->timer);
}
static void disarm(conn *c) {
  int i = c->timer;
  if (i < 0) return;
  heapn--;
  if (i != heapn) {
    heap[i] = heap[heapn];
    conns[heap[i]]->timer = i;
    hup(i);
    hdown(i);
  }
  c->timer = -1;
}
static void put(conn *c, const char *s, size_t n) {
  if (c->outlen + n > c->outcap) {
    c->outcap = (c->outlen + n) * 2;
    c->out = realloc(c->out, c->outcap);
  }
  memcpy(c->out + c->outlen, s, n);
  c->outlen += n;
}
static void drop(conn *c) {
  if (c->state == 2) n_abort++;
  disarm(c);
  close(c->fd);
  conns[c->fd] = 0;
  free(c->in);
  free(c->out);
  free(c);
}
static int flush(conn *c) {
  while (c->outlen) {
    ssize_t n = send(c->fd, c->out, c->outlen, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EAGAIN) {
        struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.fd = c->fd};
        epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
        return 0;
      }
      drop(c);
      return -1;
    }
    memmove(c->out, c->out + n, c->outlen -= n);
  }
  return 0;
}
static void reply(conn *c, const char *status, const char *type, const char *extra, const char *body) {
  char h[512];
  int n = snprintf(h, sizeof h,
                   "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nx-request-id: req_upstream\r\n%s\r\n",
                   status, type, strlen(body), extra);
  put(c, h, n);
  put(c, body, strlen(body));
  c->state = 0;
}
static void event(conn *c, const char *json) {
  char b[1024];
  int n = snprintf(b, sizeof b, "data: %s\n\n", json);
  char h[32];
  int k = snprintf(h, sizeof h, "%x\r\n", n);
  put(c, h, k);
  put(c, b, n);
  put(c, "\r\n", 2);
  n_chunk++;
}
static void finish(conn *c) {
  event(c, "{\"id\":\"chatcmpl-abc123\",\"object\":\"chat.completion.chunk\",\"created\":1713000000,\"model\":\"gpt-4o-"
           "2024-08-06\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_06737a9306\",\"choices\":[{\"index\":"
           "0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}");
  if (c->usage) {
    char u[512];
    snprintf(
        u, sizeof u,
        "{\"id\":\"chatcmpl-abc123\",\"object\":\"chat.completion.chunk\",\"created\":1713000000,\"model\":\"gpt-4o-"
        "2024-08-06\",\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":%d,\"total_tokens\":%d,"
        "\"prompt_tokens_details\":{\"cached_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0}}}",
        chunks, chunks + 12);
    event(c, u);
  }
  event(c, "[DONE]");
  put(c, "0\r\n\r\n", 5);
  c->state = 0;
}
static void one(conn *c) {
  char word[40], b[512];
  if (interval_ms)
    snprintf(word, sizeof word, " @%lld", (long long)(now() * 1e3));
  else
    snprintf(word, sizeof word, " word%d", c->sent);
  snprintf(b, sizeof b,
           "{\"id\":\"chatcmpl-abc123\",\"object\":\"chat.completion.chunk\",\"created\":1713000000,\"model\":\"gpt-4o-"
           "2024-08-06\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_06737a9306\",\"choices\":[{\"index\":"
           "0,\"delta\":{\"content\":\"%s\"},\"logprobs\":null,\"finish_reason\":null}]%s}",
           word, c->usage ? ",\"usage\":null" : "");
  event(c, c->fault == 'g' && c->sent == chunks / 2 ? "{not json" : b);
  c->sent++;
}
static int step(conn *c) { // the timer fired: answer, or send the next chunk. -1 when the connection is gone
  if (c->state == 1) {
    if (c->kind == 'e')
      reply(c, "200 OK", "application/json", "",
            "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0.01,-0.02,0.03,-0.04,"
            "0.05,-0.06,0.07,-0.08]}],\"model\":\"text-embedding-3-small\",\"usage\":{\"prompt_tokens\":8,\"total_"
            "tokens\":8}}");
    else if (!c->stream)
      reply(c, "200 OK", "application/json", "",
            "{\"id\":\"chatcmpl-abc123\",\"object\":\"chat.completion\",\"created\":1713000000,\"model\":\"gpt-4o-2024-"
            "08-06\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello! How can I help "
            "you today? I am a static reply of a modest length so that the body is "
            "realistic.\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
            "\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":24,\"total_tokens\":36,\"prompt_tokens_details\":{"
            "\"cached_tokens\":0,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_"
            "tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}},\"service_tier\":"
            "\"default\",\"system_fingerprint\":\"fp_06737a9306\"}");
    else {
      static const char h[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: "
                              "no-cache\r\nTransfer-Encoding: chunked\r\nx-request-id: req_upstream\r\n\r\n";
      put(c, h, sizeof h - 1);
      c->state = 2;
      c->sent = 0;
      n_stream++;
    }
  }
  if (c->state == 2) {
    int cut = c->fault == 'c' && c->sent >= chunks / 2;
    if (cut) {
      if (flush(c) == 0) {
        drop(c);
      }
      return -1;
    }
    if (interval_ms ==
        0) { // one event per loop turn would favour nobody: send all, in separate writes of up to 8 events
      while (c->sent < chunks && c->outlen < 2200 && !(c->fault == 'c' && c->sent >= chunks / 2)) one(c);
      if (c->sent >= chunks)
        finish(c);
      else
        arm(c, 0);
    } else {
      one(c);
      if (c->sent >= chunks)
        finish(c);
      else
        arm(c, c->due + interval_ms);
    }
  }
  return flush(c);
}
static int begin(conn *c, char *head, size_t hl, char *body, size_t bl) { // -1 when the connection is gone
  n_req++;
  c->fault = 0;
  c->kind = 'c';
  char *path = memchr(head, ' ', hl);
  path = path ? path + 1 : head;
  if (!strncmp(path, "/stats", 6)) {
    char b[256];
    snprintf(b, sizeof b, "{\"requests\":%ld,\"streams\":%ld,\"chunks\":%ld,\"aborted\":%ld}", n_req, n_stream, n_chunk,
             n_abort);
    reply(c, "200 OK", "application/json", "", b);
    return flush(c);
  }
  if (!strncmp(path, "/f500", 5)) {
    reply(
        c, "500 Internal Server Error", "application/json", "",
        "{\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\",\"param\":null,\"code\":null}}");
    return flush(c);
  }
  if (!strncmp(path, "/f503", 5)) {
    reply(c, "503 Service Unavailable", "application/json", "",
          "{\"error\":{\"message\":\"Overloaded\",\"type\":\"server_error\",\"param\":null,\"code\":null}}");
    return flush(c);
  }
  if (!strncmp(path, "/f429", 5)) {
    reply(c, "429 Too Many Requests", "application/json", "Retry-After: 7\r\n",
          "{\"error\":{\"message\":\"Rate limit "
          "reached\",\"type\":\"requests\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}");
    return flush(c);
  }
  if (!strncmp(path, "/fhang", 6)) {
    c->state = 1;
    return 0;
  }
  if (!strncmp(path, "/fcut", 5)) c->fault = 'c';
  if (!strncmp(path, "/fgarbage", 9)) c->fault = 'g';
  char *eol = memchr(path, '\r', hl - (path - head));
  if (eol && memmem(path, eol - path, "/embeddings", 11)) c->kind = 'e';
  if (eol && memmem(path, eol - path, "/models", 7)) {
    reply(c, "200 OK", "application/json", "",
          "{\"object\":\"list\",\"data\":[{\"id\":\"gpt-4o\",\"object\":\"model\",\"created\":1713000000,\"owned_by\":"
          "\"openai\"}]}");
    return flush(c);
  }
  c->stream = bl && (memmem(body, bl, "\"stream\":true", 13) || memmem(body, bl, "\"stream\": true", 14));
  c->usage = bl && memmem(body, bl, "include_usage", 13) != 0;
  c->state = 1;
  if (delay_ms) {
    arm(c, now() + delay_ms);
    return 0;
  }
  c->due = now();
  return step(c);
}
static int feed(conn *c) { // parse whole requests out of c->in. -1 when the connection is gone
  while (c->state == 0 && c->inlen) {
    char *e = memmem(c->in, c->inlen, "\r\n\r\n", 4);
    if (!e) return 0;
    size_t hl = e + 4 - c->in, bl = 0;
    char save = *e;
    *e = 0;
    char *p = strcasestr(c->in, "content-length:");
    if (p) bl = strtoul(p + 15, 0, 10);
    int chunked = strcasestr(c->in, "transfer-encoding: chunked") != 0, expect = strcasestr(c->in, "100-continue") != 0;
    *e = save;
    if (chunked) {
      char *z = memmem(c->in + hl, c->inlen - hl, "0\r\n\r\n", 5);
      if (!z) return 0;
      bl = z + 5 - (c->in + hl);
    }
    if (expect && c->inlen == hl && bl) {
      put(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
      return flush(c);
    }
    if (c->inlen < hl + bl) return 0;
    int r = begin(c, c->in, hl, c->in + hl, bl);
    if (r < 0) return -1;
    memmove(c->in, c->in + hl + bl, c->inlen -= hl + bl);
  }
  return 0;
}
int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: upstream PORT [DELAY_MS [CHUNKS [INTERVAL_MS]]]\n");
    return 2;
  }
  if (argc > 2) delay_ms = atoi(argv[2]);
  if (argc > 3) chunks = atoi(argv[3]);
  if (argc > 4) interval_ms = atoi(argv[4]);
  signal(SIGPIPE, SIG_IGN);
  int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in a = {
      .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(l, (void *)&a, sizeof a) || listen(l, 4096)) {
    perror("upstream");
    return 1;
  }
  ep = epoll_create1(0);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = l};
  epoll_ctl(ep, EPOLL_CTL_ADD, l, &e);
  static struct epoll_event evs[1024];
  for (;;) {
    int wait = -1;
    if (heapn) {
      double d = conns[heap[0]]->due - now();
      wait = d <= 0 ? 0 : (int)d + 1;
    }
    int n = epoll_wait(ep, evs, 1024, wait);
    for (int i = 0; i < n; i++) {
      int fd = evs[i].data.fd;
      if (fd == l) {
        for (int s; (s = accept4(l, 0, 0, SOCK_NONBLOCK)) >= 0;) {
          if (s >= MAXFD) {
            close(s);
            continue;
          }
          setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
          conn *c = calloc(1, sizeof *c);
          c->fd = s;
          c->timer = -1;
          c->incap = CAP;
          c->in = malloc(CAP + 1);
          conns[s] = c;
          struct epoll_event x = {.events = EPOLLIN, .data.fd = s};
          epoll_ctl(ep, EPOLL_CTL_ADD, s, &x);
        }
        continue;
      }
      conn *c = conns[fd];
      if (!c) continue;
      if (evs[i].events & EPOLLOUT) {
        struct epoll_event x = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(ep, EPOLL_CTL_MOD, fd, &x);
        if (flush(c) < 0) continue;
      }
      if (evs[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        if (c->inlen == c->incap) {
          c->incap *= 2;
          c->in = realloc(c->in, c->incap + 1);
        }
        ssize_t r = recv(fd, c->in + c->inlen, c->incap - c->inlen, 0);
        if (r == 0 || (r < 0 && errno != EAGAIN)) {
          drop(c);
          continue;
        }
        if (r > 0) {
          c->inlen += r;
          c->in[c->inlen] = 0;
          feed(c);
        }
      }
    }
    double t = now();
    for (int k = 0; k < 4096 && heapn && conns[heap[0]]->due <= t; k++) {
      conn *c = conns[heap[0]];
      double due = c->due;
      disarm(c);
      c->due = due ? due : t;
      if (step(c) == 0 && conns[c->fd] == c && c->state == 0) feed(c);
    }
  }
}
