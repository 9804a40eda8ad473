# Okaeri as it serves one company: hashed packages, no compiler, no root. Data lies in the volume /data.
FROM python:3.11-slim AS built
WORKDIR /okaeri
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock requirements-uv.lock ./
RUN python -m venv .venv \
 && .venv/bin/pip install --require-hashes --no-deps -r requirements.lock \
 && python -m venv /uv \
 && /uv/bin/pip install --require-hashes -r requirements-uv.lock
COPY pyproject.toml README.md LICENSE ./
COPY adapters adapters
COPY bot bot
COPY jobs jobs
COPY storage storage
RUN /uv/bin/uv pip install --python .venv/bin/python --offline --no-deps --editable . \
 && .venv/bin/python -m compileall -q adapters bot jobs storage

FROM python:3.11-slim
RUN groupadd --gid 10001 okaeri \
 && useradd --uid 10001 --gid okaeri --no-create-home --home-dir /data --shell /usr/sbin/nologin okaeri \
 && install --directory --owner okaeri --group okaeri --mode 0700 /data
COPY --from=built /okaeri /okaeri
WORKDIR /data
ENV PATH=/okaeri/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONUTF8=1 \
    OKAERI_DATABASE_URL=sqlite:////data/okaeri.db \
    OKAERI_HOST=0.0.0.0 \
    OKAERI_PORT=3978
USER okaeri
VOLUME /data
EXPOSE 3978
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"OKAERI_PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["okaeri"]
CMD ["serve"]
