// Opens many streams at once and tells how late their chunks come: the client of the paced upstream (see upstream.c).
// Build: cc -O2 -o streams streams.c
// Usage: streams PORT STREAMS RAMP_MS MEASURE_MS LIMIT_MS REQUEST_FILE
//   REQUEST_FILE holds one HTTP/1.1 request, sent once on each connection. The connections are opened evenly over
//   RAMP_MS; chunks are counted for the MEASURE_MS that follow; then the streams may end, until LIMIT_MS after the
//   start.
// A chunk is known by its content " @MICROSECONDS"; its delay is the time since then, on CLOCK_MONOTONIC.
// Prints one JSON object: streams begun, ended well and failed, chunks and seconds measured, delays in microseconds.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 16, DIGITS_MIN = 7 };
typedef struct {
  int fd, digits;     // digits: -1 outside a number
  int begun;          // the head of a 200 was seen
  long long number;   // what the digits say so far
  long long asked_us; // when the request was sent
  char tail[5];       // the last bytes, to know the end of a chunked body
} stream;

static stream *streams;
static long long measure_from, measure_to;
static int *delays, *firsts;
static size_t n_delays, cap_delays, n_firsts, open_now, begun, ended, failed;

static long long now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void record(long long sent_us, long long now) {
  if (now < measure_from || now >= measure_to || sent_us > now) return;
  if (n_delays == cap_delays)
    delays = realloc(delays, (cap_delays = cap_delays ? cap_delays * 2 : 1 << 18) * sizeof *delays);
  delays[n_delays++] = (int)(now - sent_us);
}

static void scan(stream *s, const char *p, size_t n, long long now) { // numbers may be split between two reads
  const char *end = p + n;
  while (p < end) {
    if (s->digits < 0) {
      p = memchr(p, '@', end - p);
      if (!p) return;
      s->digits = 0, s->number = 0, p++;
    } else if (*p >= '0' && *p <= '9') {
      s->number = s->number * 10 + (*p++ - '0'), s->digits++;
    } else {
      if (s->digits >= DIGITS_MIN) record(s->number, now);
      s->digits = -1;
    }
  }
}

static void finish(stream *s, int well) {
  close(s->fd);
  s->fd = -1;
  open_now--;
  if (well)
    ended++;
  else
    failed++;
}

static void keep_tail(stream *s, const char *p, size_t n) {
  size_t kept = sizeof s->tail;
  if (n >= kept)
    memcpy(s->tail, p + n - kept, kept);
  else
    memmove(s->tail, s->tail + n, kept - n), memcpy(s->tail + kept - n, p, n);
}

static void read_some(stream *s) {
  static char buffer[BUFFER];
  ssize_t n = recv(s->fd, buffer, sizeof buffer, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) return finish(s, 0);
  long long now = now_us();
  if (!s->begun) {
    if (n < 12 || memcmp(buffer + 8, " 200", 4)) return finish(s, 0);
    s->begun = 1, begun++;
    firsts[n_firsts++] = (int)(now - s->asked_us);
  }
  scan(s, buffer, n, now);
  keep_tail(s, buffer, n);
  if (!memcmp(s->tail, "0\r\n\r\n", 5)) finish(s, 1);
}

static int start(stream *s, int ep, int port, const char *request, size_t size) { // -1 when it cannot connect
  int on = 1;
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  s->fd = socket(AF_INET, SOCK_STREAM, 0), s->digits = -1;
  if (s->fd < 0 || connect(s->fd, (void *)&address, sizeof address)) return -1;
  setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  s->asked_us = now_us();
  if (send(s->fd, request, size, MSG_NOSIGNAL) != (ssize_t)size) return -1;
  fcntl(s->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
  open_now++;
  return epoll_ctl(ep, EPOLL_CTL_ADD, s->fd, &e);
}

static int ascending(const void *a, const void *b) {
  return *(const int *)a - *(const int *)b;
}

static int at(const int *sorted, size_t n, double part) {
  return n ? sorted[(size_t)(part * (n - 1))] : -1;
}

int main(int argc, char **argv) {
  if (argc != 7) return fprintf(stderr, "usage: streams PORT STREAMS RAMP_MS MEASURE_MS LIMIT_MS REQUEST_FILE\n"), 2;
  int port = atoi(argv[1]), count = atoi(argv[2]), opened = 0;
  static char request[1 << 16];
  FILE *file = fopen(argv[6], "r");
  if (!file) return perror(argv[6]), 1;
  size_t size = fread(request, 1, sizeof request, file);
  streams = calloc(count, sizeof *streams), firsts = calloc(count, sizeof *firsts);
  int ep = epoll_create1(0);
  static struct epoll_event events[1024];
  long long t0 = now_us(), ramp = atoll(argv[3]) * 1000, limit = t0 + atoll(argv[5]) * 1000;
  measure_from = t0 + ramp, measure_to = measure_from + atoll(argv[4]) * 1000;
  while ((opened < count || open_now) && now_us() < limit) {
    while (opened < count && now_us() >= t0 + ramp * opened / count)
      if (start(&streams[opened++], ep, port, request, size)) return perror("streams"), 1;
    int n = epoll_wait(ep, events, 1024, opened < count ? 1 : 100);
    for (int i = 0; i < n; i++) read_some(events[i].data.ptr);
  }
  qsort(delays, n_delays, sizeof *delays, ascending);
  qsort(firsts, n_firsts, sizeof *firsts, ascending);
  printf("{\"begun\":%zu,\"ended\":%zu,\"failed\":%zu,\"chunks\":%zu,\"seconds\":%.3f,\"first_p50_us\":%d,"
         "\"first_p99_us\":%d,\"p50_us\":%d,\"p99_us\":%d,\"max_us\":%d}\n",
         begun, ended, failed, n_delays, (measure_to - measure_from) / 1e6, at(firsts, n_firsts, .5),
         at(firsts, n_firsts, .99), at(delays, n_delays, .5), at(delays, n_delays, .99), at(delays, n_delays, 1));
  return 0;
}
