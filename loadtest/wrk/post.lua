-- POSTs one file over and over, as a ConfigMap of another name each time: each task has an object of its own.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")
wanted = 202

local file = assert(io.open(os.getenv("BODY"), "rb"))
local before, after = file:read("*a"):match("^(.*)NAME(.*)$")
file:close()
wrk.method = "POST"
wrk.path = "/yaml"
wrk.headers["Content-Type"] = "application/yaml"

local count = 0
function request()
  count = count + 1
  return wrk.format(nil, nil, nil, before .. "bench-" .. seed .. "-" .. count .. after)
end
