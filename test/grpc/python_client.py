"""Books, reads, lists and releases through stubs that protoc made for Python, and shows what a refusal carries.

Usage: python_client.py STUBS ADDRESS SOURCE DESTINATION
STUBS is the folder of `protoc --python_out`. Prints one JSON object; exit status 0 only when every call went as it should.
"""

import json
import sys

import grpc

stubs, address, source, destination = sys.argv[1:5]
sys.path.insert(0, stubs)

from headroom.v1 import reservation_pb2  # noqa: E402
from google.protobuf import empty_pb2  # noqa: E402

channel = grpc.insecure_channel(address)


def method(name, request, response):
    return channel.unary_unary(
        f"/headroom.v1.ReservationService/{name}",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )


create = method("CreateReservation", reservation_pb2.CreateReservationRequest, reservation_pb2.Reservation)
get = method("GetReservation", reservation_pb2.GetReservationRequest, reservation_pb2.Reservation)
list_all = method("ListReservations", reservation_pb2.ListReservationsRequest, reservation_pb2.ListReservationsResponse)
release = method("ReleaseReservation", reservation_pb2.ReleaseReservationRequest, empty_pb2.Empty)

request = reservation_pb2.CreateReservationRequest(request_id="python-1")
spec = request.reservation
spec.name = "from-python"
spec.flow.protocol = "udp"
spec.flow.source.address = source
spec.flow.source.port = 5004
spec.flow.destination.address = destination
spec.flow.destination.port = 5004
spec.qos.service_type = "controlledLoad"
spec.qos.token_rate_bits_per_second = 1_000_000

booked = create(request, timeout=20)
read = get(reservation_pb2.GetReservationRequest(id=booked.id), timeout=20)
listed = list_all(
    reservation_pb2.ListReservationsRequest(page_size=10, states=["scheduled", "establishing", "active"]), timeout=20
)
release(reservation_pb2.ReleaseReservationRequest(id=booked.id), timeout=20)

spec.flow.source.port = 70000
spec.name = "wrong"
request.request_id = ""
try:
    create(request, timeout=20)
    refusal = None
except grpc.RpcError as error:
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
    refusal = {"code": error.code().name, "names_field": b"flow.source.port" in details, "names_value": b"70000" in details}

print(
    json.dumps(
        {
            "id": booked.id,
            "read": read.id,
            "rate": read.qos.token_rate_bits_per_second,
            "hops": [hop.link for hop in read.paths[0].hops],
            "listed": [each.id for each in listed.reservations],
            "refusal": refusal,
        }
    )
)
