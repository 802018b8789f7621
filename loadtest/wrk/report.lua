-- What every script shares: counts answers of another status than `wanted`, and prints one line of JSON
-- for loadtest to read. A script that sets `response` to nil spares wrk a call an answer: then all above 399 is bad.
local threads = {}
function setup(thread)
  thread:set("seed", #threads + 1)
  table.insert(threads, thread)
end

function init()
  refused = 0
  math.randomseed(seed)
end

function response(status)
  if status ~= wanted then
    refused = refused + 1
  end
end

function done(summary, latency)
  local bad = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  if response then
    for _, thread in ipairs(threads) do
      bad = bad + thread:get("refused")
    end
  else
    bad = bad + summary.errors.status
  end
  io.write(string.format('\n{"requests":%d,"micros":%d,"failed":%d,"p50":%d,"p99":%d}\n',
    summary.requests, summary.duration, bad, latency:percentile(50), latency:percentile(99)))
end
