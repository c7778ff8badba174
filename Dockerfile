# The four images of compose.yaml, from Debian's and PyPI's packages alone. Any Debian from 12 on will do as BASE.
ARG BASE=debian:trixie-slim

# Users have the same numbers in every image: PostgreSQL and the Unix sockets tell callers apart by them. A new named
# volume takes its owner and mode from the folder that it is first mounted on.
FROM ${BASE} AS base
RUN set -eu; \
    apt-get update; \
    apt-get install -y --no-install-recommends ca-certificates python3; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*; \
    for user in drawbridge-agent:10001 drawbridge-gateway:10002 postgres:10003; do \
        groupadd --gid "${user#*:}" "${user%:*}"; \
        useradd --uid "${user#*:}" --gid "${user#*:}" --no-create-home --home-dir /nonexistent \
                --shell /usr/sbin/nologin "${user%:*}"; \
    done; \
    install -d -m 0755 /etc/drawbridge /opt/drawbridge /setup; \
    install -d -m 0700 /setup/root; \
    install -d -m 0700 -o drawbridge-agent -g drawbridge-agent /var/lib/drawbridge /setup/agent; \
    install -d -m 0700 -o drawbridge-gateway -g drawbridge-gateway /var/lib/drawbridge/gateway /setup/gateway; \
    install -d -m 0700 -o www-data -g www-data /etc/drawbridge/web /etc/drawbridge/lan /setup/web; \
    install -d -m 2750 -o drawbridge-gateway -g www-data /run/drawbridge; \
    install -d -m 0755 -o postgres -g postgres /run/postgresql; \
    install -d -m 0700 -o postgres -g postgres /var/lib/postgresql
WORKDIR /opt/drawbridge
ENV PATH=/opt/drawbridge/.venv/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONSAFEPATH=1 PYTHONPATH=/opt/drawbridge LC_ALL=C.UTF-8

FROM base AS packages
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv
COPY requirements.lock .
RUN python3 -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --no-compile --only-binary :all: --require-hashes -r requirements.lock \
    && .venv/bin/pip uninstall -y pip \
    && .venv/bin/python -m compileall -q .venv

FROM base AS service
COPY --from=packages /opt/drawbridge/.venv .venv
COPY bridge bridge
COPY demo/__init__.py demo/
COPY demo/compose demo/compose

FROM service AS gateway
COPY gateway gateway
COPY demo/compose/gateway.toml /etc/drawbridge/
RUN python3 -m compileall -q bridge gateway demo && chmod 0755 /var/lib/drawbridge
USER drawbridge-gateway

FROM service AS agent
COPY agent agent
COPY demo demo
COPY demo/compose/agent.toml demo/source.toml /etc/drawbridge/
RUN python3 -m compileall -q bridge agent demo \
    && printf '#!/bin/sh\nexec python3 -m demo.compose.sample_account\n' >/usr/bin/sample-account \
    && chmod 0755 /usr/bin/sample-account
USER drawbridge-agent

# What process 1 is made of, for the two services that are not ours.
FROM base AS supervised
COPY bridge/__init__.py bridge/
COPY bridge/process/__init__.py bridge/process/clock.py bridge/process/
COPY demo/__init__.py demo/
COPY demo/compose demo/compose
RUN python3 -m compileall -q bridge demo

FROM gateway AS web-root
USER root
COPY nginx nginx
RUN python3 -c 'from pathlib import Path; from gateway.web.assets import Assets; Assets().write_to(Path("/www/static"))' \
    && python3 -m demo.compose.web_server web_root /www gateway/web/static

FROM supervised AS nginx
RUN apt-get update && apt-get install -y --no-install-recommends nginx-light python3-jinja2 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY nginx nginx
COPY --from=web-root /www /var/www/drawbridge
RUN install -d -m 0755 /var/www/drawbridge/acme
USER www-data

FROM supervised AS postgresql
RUN set -eu; \
    apt-get update; \
    apt-get install -y --no-install-recommends postgresql-common; \
    echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf; \
    apt-get install -y --no-install-recommends postgresql; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*; \
    chmod 0700 /var/lib/postgresql; \
    chown postgres:postgres /run/postgresql /var/lib/postgresql; \
    rm -rf /var/lib/postgresql/*
COPY demo/compose/postgresql.conf demo/compose/pg_hba.conf demo/compose/pg_ident.conf /etc/drawbridge/
USER postgres
