# dreamtalk on a processor: docker build -f docker/cpu.Dockerfile -t dreamtalk .
# One stage builds, the other holds nothing but Python and the installed package. No network is needed to run it.

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/dreamtalk
WORKDIR /src
COPY constraints.txt ./
# PyTorch first and alone, the CPU build: the plain one brings gigabytes of CUDA. This layer is kept between builds.
RUN /opt/dreamtalk/bin/pip install --extra-index-url https://download.pytorch.org/whl/cpu \
    "$(sed -n 's/^torch==/torch==/p' constraints.txt)+cpu"
COPY pyproject.toml README.md LICENSE ./
COPY examples ./examples
COPY src ./src
RUN /opt/dreamtalk/bin/pip install -c constraints.txt '.[serve]'

FROM python:3.11-slim-bookworm
COPY --from=build /opt/dreamtalk /opt/dreamtalk
# What is written lies in /data: numba's compiled loops, the caches of libraries, the server's jobs.
RUN useradd --uid 10001 --create-home --home-dir /data dreamtalk
ENV PATH=/opt/dreamtalk/bin:$PATH HOME=/data XDG_DATA_HOME=/data XDG_CACHE_HOME=/data/.cache \
    NUMBA_CACHE_DIR=/data/.cache/numba PYTHONUNBUFFERED=1
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8765
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8765/v1/health', timeout=4)"]
ENTRYPOINT ["dreamtalk"]
# Inside a container 0.0.0.0 is the container's own network; -p 127.0.0.1:8765:8765 keeps it on this machine.
CMD ["serve", "--host", "0.0.0.0", "--data", "/data/server"]
