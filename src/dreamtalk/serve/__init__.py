"""HTTP and WebSocket API, and the web page on it; see docs/server.md.

app.py        puts it together; guard.py, problems.py: what every request passes, and what errors look like
routes_*.py   the endpoints, thin; service.py: what they do
store.py      jobs and files in SQLite; vault.py: the files themselves; queue.py: whose turn it is
pool.py       gives jobs to workers; child.py, worker.py: a worker process; remote.py: a worker on Ray
checking.py   looks at what came in, in a process of its own
"""
