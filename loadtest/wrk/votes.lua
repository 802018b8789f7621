-- POSTs one vote a request: lines of a file in turn, made into requests beforehand, so that wrk costs little.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")
response = nil
wrk.method = "POST"
wrk.path = "/votes"
wrk.headers["Content-Type"] = "application/json"

local requests, next = {}, 0
function init()
  for line in io.lines(os.getenv("BALLOTS")) do
    requests[#requests + 1] = wrk.format(nil, nil, nil, line)
  end
end

function request()
  next = next % #requests + 1
  return requests[next]
end
