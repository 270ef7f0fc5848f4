-- One request, again and again. What it is comes from the environment; the summary goes out as one line of JSON.
--   BENCH_METHOD, BENCH_BODY (a file; may be missing), BENCH_HEADERS ("Name: value" a line)
--   BENCH_KEYS (a file, may be missing): API keys, one a line, that take turns
wrk.method = os.getenv("BENCH_METHOD")
local body = os.getenv("BENCH_BODY")
if body then
  local file = assert(io.open(body, "rb"))
  wrk.body = file:read("*a")
  file:close()
end
for name, value in os.getenv("BENCH_HEADERS"):gmatch("([^:\n]+): ([^\n]*)") do
  wrk.headers[name] = value
end

local keys = os.getenv("BENCH_KEYS")
if keys then
  local requests, turn = {}, 0
  function init(arguments)
    for key in io.lines(keys) do
      wrk.headers["Authorization"] = "Bearer " .. key
      requests[#requests + 1] = wrk.format()
    end
  end
  function request()
    turn = turn % #requests + 1
    return requests[turn]
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'BENCH {"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"bytes":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), summary.bytes,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
