-- GETs /livez: what the HTTP server alone can do.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")
wanted = 200
wrk.path = "/livez"
