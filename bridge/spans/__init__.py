"""What a request did on its way, for whoever collects traces: off unless an endpoint is set.

Written here and not taken from opentelemetry-sdk, which with its exporter takes 25 MB and 0.9 s more in each of three
processes (measured on a PC), and brings requests and protobuf along. What is needed of it is one JSON body:
https://opentelemetry.io/docs/specs/otlp/#otlphttp.
"""
