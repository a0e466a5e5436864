// @generated from src/gen/openapi.json by openapi-typescript
/* eslint-disable */
export interface paths {
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The process answers */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Calls can be answered: database reached, migrations applied */
        get: operations["getReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Metrics in the text format of Prometheus */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document */
        get: operations["getOpenApi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/version": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Version of the program */
        get: operations["getVersion"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/topology": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The whole stored network; its ETag is for If-Match */
        get: operations["getTopology"];
        /** Replaces the stored network and answers what changed */
        put: operations["putTopology"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/nodes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All nodes */
        get: operations["listNodes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/nodes/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One node */
        get: operations["getNode"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/links": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All directed links with what is booked on them */
        get: operations["listLinks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/links/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One directed link with what is booked on it, between two instants step by step */
        get: operations["getLink"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/reservations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reservations in the order of their creation, page by page */
        get: operations["listReservations"];
        put?: never;
        /** Books; a refusal says every reason and what would fit instead */
        post: operations["createReservation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/reservations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One reservation, also when it has ended */
        get: operations["getReservation"];
        put?: never;
        post?: never;
        /** Releases; again 204 for one that is releasing or ended */
        delete: operations["releaseReservation"];
        options?: never;
        head?: never;
        /** Changes qos, name or labels in place; a change of qos is in force when `change` is null again */
        patch: operations["modifyReservation"];
        trace?: never;
    };
    "/v1/agents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The agents of all nodes that have one */
        get: operations["listAgents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One node's agent */
        get: operations["getAgent"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/rsvp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Path and reservation state and kernel state of an agent, asked over its channel */
        get: operations["getAgentRsvp"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/rsvp/trace": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** RSVP messages of an agent as they come and go (server-sent events) */
        get: operations["watchAgentRsvp"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}:enrol": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A one-time token with which the node's agent gets its certificate; always needs the bearer token */
        post: operations["enrolAgent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}:revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ends certificates, tokens and stream of the node's agent; always needs the bearer token */
        post: operations["revokeAgent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Events as they happen (server-sent events) */
        get: operations["watchEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/topology:import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Converts a file and replaces the stored network with it */
        post: operations["importTopology"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Agent: {
            /** @description The node's name */
            id: string;
            /** @enum {string} */
            state: "connected" | "silent" | "never";
            hostName: string | null;
            bootId: string | null;
            version: string | null;
            /**
             * Format: date-time
             * @description null = never
             */
            lastSeenAt: string | null;
            interfaces: {
                name: string;
                addresses: string[];
                mtuBytes: number;
                /** @description null = unknown, as of virtual devices */
                speedBitsPerSecond: number | null;
                up: boolean;
                /** @description Reverse-path filtering: 0 none, 1 strict (flows that are pinned to enter there are lost), 2 loose; null = unknown */
                rpFilter: number | null;
            }[];
            routes: {
                destination: string;
                interface: string;
                /** @description null = directly connected; of either IP version */
                gateway: string | null;
                metric: number;
                /** @description Further next hops of a multipath route, of which the kernel chooses one for each flow */
                others?: {
                    interface: string;
                    gateway: string | null;
                }[];
            }[];
            features: {
                /** @description Queues and marks in the kernel */
                enforces: boolean;
                /** @description It can keep single flows off their routed way */
                steers: boolean;
                /** @description Why it cannot */
                steeringProblem: string | null;
                rsvpTransport: string;
                refreshPeriodMs: number;
                notes: string[];
            } | null;
            /** @description Where its report and the topology differ */
            mismatches: string[];
            /** @description Rules of others in the host's kernel that defeat what is promised (error), or may (warning) */
            findings: {
                /** @description markOverlap, noMarkBits, markOverwritten, addressTranslated, flowtable or notJudged */
                code: string;
                /** @description The rule, as its operator knows it */
                object: string;
                /** @description Bits of packet marks of ours that it concerns; 0 = none */
                markBits: number;
                /** @enum {string} */
                severity: "error" | "warning";
                detail: string;
                /** @description What to do about it */
                mend: string;
            }[];
            /** @description Reservations that it has been told to hold */
            assignments: number;
            memoryBytes: number | null;
        };
        EnrolledAgent: {
            node: string;
            /** @description For `headroom agent`, once, in HEADROOM_ENROL_TOKEN or on standard input */
            token: string;
            /**
             * Format: date-time
             * @description An hour from now
             */
            expiresAt: string;
            /** @description HOST:PORT where the agent connects */
            server: string;
            /** @description SHA-256 of the certificate of the agents' authority, hexadecimal; the token carries it */
            authorityFingerprint: string;
        };
        /** @description One direction of a cable */
        Link: {
            /** @description `<node>:<interface>` of the sending end, `#n` added where several share it */
            id: string;
            from: {
                node: string;
                interface: string;
            };
            to: {
                node: string;
                interface: string;
            };
            /** @description ≥ 1; null = unknown: nothing can be reserved */
            capacityBitsPerSecond: number | null;
            /** @description 0 … 1, default 0.75 */
            reservableShare: number;
            /** @description Link-layer bytes added to every packet: 38 for Ethernet on the wire, 14 for veth; default 0 = unknown */
            overheadBytes: number;
            /** @description ≥ 1, default 1; routing takes the smallest sum */
            cost: number;
            /** @description Propagation, default 0 */
            delayMicros: number;
            /** @description Default the sending interface's */
            mtuBytes: number;
            /** @description RFC 2212 C; null = derived */
            errorCBytes: number | null;
            /** @description RFC 2212 D; null = derived */
            errorDMicros: number | null;
            riskGroups: string[];
            /** @description Free text by key, at most 64 */
            labels: {
                [key: string]: string;
            };
            /**
             * @description Default up
             * @enum {string}
             */
            adminState: "up" | "draining" | "down";
            /** @description capacity × share, 0 when the link is not up */
            reservableBitsPerSecond: number;
            /** @description Now, at `at`, or the most between `from` and `to` */
            bookedBitsPerSecond: number;
            /** @description More is booked than is reservable by so much */
            overbookedBitsPerSecond: number;
            /** @description Of one link with `from` or `to`: at most 1,000 steps; ask again `from` the end of the last */
            calendar?: {
                /**
                 * Format: date-time
                 * @description First instant of the step
                 */
                start: string;
                /**
                 * Format: date-time
                 * @description First instant after; null = for ever
                 */
                end: string | null;
                bookedBitsPerSecond: number;
                availableBitsPerSecond: number;
            }[];
        };
        Node: {
            /** @description `[a-z0-9][a-z0-9._-]{0,62}` */
            name: string;
            /**
             * @description required: no new work while its agent is silent; none: books only. Default none
             * @enum {string}
             */
            agent: "required" | "optional" | "none";
            /**
             * @description Default up
             * @enum {string}
             */
            adminState: "up" | "draining" | "down";
            /** @description Free text by key, at most 64 */
            labels: {
                [key: string]: string;
            };
            interfaces: {
                name: string;
                addresses: string[];
                /** @description Default 1500 */
                mtuBytes: number;
            }[];
            /**
             * @description null: the node has no agent
             * @enum {string|null}
             */
            agentState: "connected" | "silent" | "never" | null;
        };
        /** @description RFC 9457 problem details */
        Problem: {
            /** @description `urn:headroom:error:` and the code */
            type: string;
            title: string;
            status: number;
            /** @description What happened, for people */
            detail: string;
            /** @description The path that was called */
            instance: string;
            /**
             * @description What happened, for programs
             * @enum {string}
             */
            code: "INVALID_ARGUMENT" | "OUT_OF_RANGE" | "METHOD_NOT_ALLOWED" | "UNSUPPORTED_MEDIA_TYPE" | "PAYLOAD_TOO_LARGE" | "UNAUTHENTICATED" | "PERMISSION_DENIED" | "NOT_FOUND" | "UNKNOWN_ENDPOINT" | "NO_PATH" | "BANDWIDTH_UNAVAILABLE" | "DELAY_BOUND_UNREACHABLE" | "MTU_TOO_SMALL" | "ALREADY_EXISTS" | "FLOW_CONFLICT" | "AGENT_UNREACHABLE" | "CONCURRENT_UPDATE" | "ETAG_REQUIRED" | "INCOMPATIBLE_STATE" | "IDEMPOTENCY_KEY_REUSED" | "REQUEST_IN_PROGRESS" | "EVENTS_PURGED" | "UNAVAILABLE" | "INTERNAL";
            /** @description The same request may succeed later */
            retryable: boolean;
            /** @description Every reason of a refusal with its link or node, what was asked and what is there */
            reasons: ({
                /** @description BANDWIDTH_UNAVAILABLE, NO_PATH, MTU_TOO_SMALL, … */
                reason: string;
            } & {
                [key: string]: unknown;
            })[];
            /** @description What would fit instead */
            alternatives: ({
                /**
                 * @description What would have to change
                 * @enum {string}
                 */
                kind: "path" | "rate";
            } & {
                [key: string]: unknown;
            })[];
            /** @description What is wrong with which part of the request */
            fields: {
                /** @description Such as `flow.source.port` */
                field: string;
                /** @description The value as it was given; long text is cut */
                value: string | number | boolean | null;
                /** @enum {string} */
                code: "INVALID_ARGUMENT" | "OUT_OF_RANGE";
                problem: string;
            }[];
        } & {
            [key: string]: unknown;
        };
        /** @description A merge patch (RFC 7396) of what can be changed */
        ReservationPatch: {
            name?: string | null;
            /** @description null takes a label, or all of them, away */
            labels?: {
                [key: string]: string | null;
            } | null;
            qos?: {
                /** @enum {string} */
                serviceType?: "guaranteed" | "controlledLoad";
                tokenRateBitsPerSecond?: number;
                tokenBucketBytes?: number | null;
                /** @description null = unlimited */
                peakRateBitsPerSecond?: number | null;
                minPolicedUnitBytes?: number | null;
                maxPacketBytes?: number | null;
                maxDelayMicros?: number | null;
                slackMicros?: number | null;
            };
        };
        /** @description What a caller asks for */
        ReservationRequest: {
            /** @description For people */
            name?: string | null;
            /** @description Free text by key, at most 64 */
            labels?: {
                [key: string]: string;
            };
            flow: {
                /** @description udp or tcp */
                protocol: string;
                source?: {
                    /** @description An IPv4 address of a node */
                    address: string;
                    /** @description 1 … 65535; absent or null = any */
                    port?: number | null;
                };
                /** @description Instead of source: 1 to 16 different senders to the one destination, with ports all of them or none */
                sources?: {
                    /** @description An IPv4 address of a node */
                    address: string;
                    /** @description 1 … 65535; absent or null = any */
                    port?: number | null;
                }[];
                destination: {
                    /** @description An IPv4 address of a node */
                    address: string;
                    /** @description 1 … 65535; absent or null = any */
                    port?: number | null;
                };
            };
            qos: {
                /** @description guaranteed or controlledLoad */
                serviceType: string;
                /** @description r: integer, 1 … 2^53 − 1; counts IP packets */
                tokenRateBitsPerSecond: number;
                /** @description b; default the larger of 2 packets and 10 ms at the rate */
                tokenBucketBytes?: number;
                /** @description p ≥ r; default unlimited */
                peakRateBitsPerSecond?: number | null;
                /** @description m; default 128: smaller packets count as this size */
                minPolicedUnitBytes?: number;
                /** @description M ≥ m; default 1500 */
                maxPacketBytes?: number;
                /** @description End to end; guaranteed service only */
                maxDelayMicros?: number | null;
                /** @description S of RFC 2212; default 0 */
                slackMicros?: number;
            };
            window?: {
                /**
                 * Format: date-time
                 * @description Default now
                 */
                start?: string | null;
                /**
                 * Format: date-time
                 * @description Default until released
                 */
                end?: string | null;
            };
            constraints?: {
                /** @description A path that routing does not take and that not every agent can keep the flow on may be booked all the same; default false */
                allowUnpinned?: boolean;
            };
            signaling?: {
                /** @description fixedFilter: each sender has a part of its own; sharedExplicit: one part for those that are listed; wildcardFilter: one for whoever sends to the destination. Default fixedFilter with source, sharedExplicit with sources */
                style?: string;
            };
        };
        /** @description A promise as the books hold it */
        Reservation: {
            /**
             * Format: uuid
             * @description UUIDv7; absent with validateOnly
             */
            id?: string;
            name: string | null;
            /** @description Free text by key, at most 64 */
            labels: {
                [key: string]: string;
            };
            /** @enum {string} */
            state: "held" | "scheduled" | "establishing" | "active" | "degraded" | "releasing" | "ended";
            /** @description More on the state */
            stateReason: string | null;
            flow: {
                /** @enum {string} */
                protocol: "udp" | "tcp";
                /** @description Absent where there are sources */
                source?: {
                    address: string;
                    /** @description null = any */
                    port: number | null;
                };
                /** @description Two or more senders; absent where there is source */
                sources?: {
                    address: string;
                    /** @description null = any */
                    port: number | null;
                }[];
                destination: {
                    address: string;
                    /** @description null = any */
                    port: number | null;
                };
            };
            /** @description What is in force, also while a change is under way */
            qos: {
                /** @enum {string} */
                serviceType: "guaranteed" | "controlledLoad";
                tokenRateBitsPerSecond: number;
                tokenBucketBytes: number;
                /** @description null = unlimited */
                peakRateBitsPerSecond: number | null;
                minPolicedUnitBytes: number;
                maxPacketBytes: number;
                maxDelayMicros: number | null;
                slackMicros: number;
            };
            window: {
                /**
                 * Format: date-time
                 * @description First instant
                 */
                start: string;
                /**
                 * Format: date-time
                 * @description First instant after; null = until released
                 */
                end: string | null;
            };
            paths: {
                /** @enum {string} */
                role: "forward" | "reverse" | "backup";
                /** @description Address of its sender; forward paths are in the order of the sources */
                source: string;
                /**
                 * @description routed: the routes of the kernels lead there; pinned: every agent steers the flow; unpinned: not every node can
                 * @enum {string}
                 */
                pinning: "routed" | "pinned" | "unpinned";
                /** @description For each hop the address by which the flow enters the next node, null = unknown; empty where routed */
                explicitRoute: (string | null)[];
                /** @description What the books hold for it, the largest of its hops, link-layer overhead included; the larger of old and new while a change is under way. Where paths of a shared style meet they hold it together, in fixed-filter style each for itself */
                bookedBitsPerSecond: number;
                /** @description End-to-end bound; null for controlled load */
                delayBoundMicros: number | null;
                hops: {
                    node: string;
                    interface: string;
                    link: string;
                    bookedBitsPerSecond: number;
                }[];
                /** @description Where PATH really went, as far as agents have reported */
                actualHops: {
                    node: string;
                    interface: string;
                    link: string;
                }[];
                /** @description Where the flow leaves its admitted path; null while both agree */
                deviation: string | null;
                /** @description PATH passes a hop that does not speak RSVP: nothing is reserved there */
                nonRsvpHop: boolean;
                /** @description Where ADSPEC says otherwise of the path than the books; null while both agree */
                adspecDeviation: string | null;
                /** @enum {string} */
                enforcement: "kernel" | "none";
            }[];
            signaling: {
                /** @enum {string} */
                style: "fixedFilter" | "sharedExplicit" | "wildcardFilter";
                /**
                 * Format: date-time
                 * @description When ResvConf had reached the receiver for every sender
                 */
                confirmedAt: string | null;
            };
            /** @description A change that is not, or will not be, in force; null = none */
            change: {
                /**
                 * @description applying: agents are told the requested qos; reverting: one refused, all are told the old one again; failed: they hold it
                 * @enum {string}
                 */
                state: "applying" | "reverting" | "failed";
                requested: {
                    qos: {
                        /** @enum {string} */
                        serviceType: "guaranteed" | "controlledLoad";
                        tokenRateBitsPerSecond: number;
                        tokenBucketBytes: number;
                        /** @description null = unlimited */
                        peakRateBitsPerSecond: number | null;
                        minPolicedUnitBytes: number;
                        maxPacketBytes: number;
                        maxDelayMicros: number | null;
                        slackMicros: number;
                    };
                };
                /**
                 * Format: date-time
                 * @description When it was admitted
                 */
                requestedAt: string;
                /** @description Why it did not come about */
                reasons: {
                    /** @enum {string} */
                    reason: "REFUSED" | "TIMED_OUT";
                    /** @description RFC 2205 appendix B; 0 where nobody told */
                    errorCode: number;
                    errorValue: number;
                    /** @description The node that found the error; empty where nobody told */
                    errorNode: string;
                    detail: string;
                }[];
            } | null;
            /** @enum {string|null} */
            endReason: "released" | "expired" | "leaseExpired" | "holdExpired" | "declined" | "preempted" | "failed" | null;
            /** @description What RSVP or the kernel said when it could not be kept */
            failure: {
                /** @description RFC 2205 appendix B */
                errorCode: number;
                errorValue: number;
                errorNode: string;
                detail: string;
            } | null;
            /**
             * Format: date-time
             * @description When it was booked
             */
            createdAt?: string;
            /**
             * Format: date-time
             * @description When it last changed
             */
            updatedAt?: string;
            etag?: string;
        };
        /** @description A network; only what has no default is required */
        TopologyInput: {
            nodes: {
                /** @description `[a-z0-9][a-z0-9._-]{0,62}` */
                name: string;
                /**
                 * @description required: no new work while its agent is silent; none: books only. Default none
                 * @enum {string}
                 */
                agent?: "required" | "optional" | "none";
                /**
                 * @description Default up
                 * @enum {string}
                 */
                adminState?: "up" | "draining" | "down";
                /** @description Free text by key, at most 64 */
                labels?: {
                    [key: string]: string;
                };
                interfaces: {
                    name: string;
                    addresses?: string[];
                    /** @description Default 1500 */
                    mtuBytes?: number;
                }[];
            }[];
            links?: {
                /** @description `<node>:<interface>` of the sending end, `#n` added where several share it */
                id?: string;
                from: {
                    node: string;
                    interface: string;
                };
                to: {
                    node: string;
                    interface: string;
                };
                /** @description ≥ 1; null = unknown: nothing can be reserved */
                capacityBitsPerSecond: number | null;
                /** @description 0 … 1, default 0.75 */
                reservableShare?: number;
                /** @description Link-layer bytes added to every packet: 38 for Ethernet on the wire, 14 for veth; default 0 = unknown */
                overheadBytes?: number;
                /** @description ≥ 1, default 1; routing takes the smallest sum */
                cost?: number;
                /** @description Propagation, default 0 */
                delayMicros?: number;
                /** @description Default the sending interface's */
                mtuBytes?: number;
                /** @description RFC 2212 C; null = derived */
                errorCBytes?: number | null;
                /** @description RFC 2212 D; null = derived */
                errorDMicros?: number | null;
                riskGroups?: string[];
                /** @description Free text by key, at most 64 */
                labels?: {
                    [key: string]: string;
                };
                /**
                 * @description Default up
                 * @enum {string}
                 */
                adminState?: "up" | "draining" | "down";
            }[];
            /** @description Each stands for two links, one in either direction */
            cables?: {
                a: {
                    node: string;
                    interface: string;
                };
                b: {
                    node: string;
                    interface: string;
                };
                /** @description ≥ 1; null = unknown: nothing can be reserved */
                capacityBitsPerSecond: number | null;
                /** @description 0 … 1, default 0.75 */
                reservableShare?: number;
                /** @description Link-layer bytes added to every packet: 38 for Ethernet on the wire, 14 for veth; default 0 = unknown */
                overheadBytes?: number;
                /** @description ≥ 1, default 1; routing takes the smallest sum */
                cost?: number;
                /** @description Propagation, default 0 */
                delayMicros?: number;
                /** @description Default the sending interface's */
                mtuBytes?: number;
                /** @description RFC 2212 C; null = derived */
                errorCBytes?: number | null;
                /** @description RFC 2212 D; null = derived */
                errorDMicros?: number | null;
                riskGroups?: string[];
                /** @description Free text by key, at most 64 */
                labels?: {
                    [key: string]: string;
                };
                /**
                 * @description Default up
                 * @enum {string}
                 */
                adminState?: "up" | "draining" | "down";
            }[];
        };
        TopologyOutcome: {
            topology: components["schemas"]["Topology"];
            etag: string;
            changes: {
                nodesAdded: string[];
                nodesChanged: string[];
                nodesRemoved: string[];
                linksAdded: string[];
                linksChanged: string[];
                linksRemoved: string[];
            };
            /** @description What an importer decided or left out, and what the consistency check found */
            notes: {
                kind: string;
                where: string;
                what: string;
            }[];
        };
        /** @description The stored network; it can be put back as it is */
        Topology: {
            nodes: {
                /** @description `[a-z0-9][a-z0-9._-]{0,62}` */
                name: string;
                /**
                 * @description required: no new work while its agent is silent; none: books only. Default none
                 * @enum {string}
                 */
                agent: "required" | "optional" | "none";
                /**
                 * @description Default up
                 * @enum {string}
                 */
                adminState: "up" | "draining" | "down";
                /** @description Free text by key, at most 64 */
                labels: {
                    [key: string]: string;
                };
                interfaces: {
                    name: string;
                    addresses: string[];
                    /** @description Default 1500 */
                    mtuBytes: number;
                }[];
            }[];
            links: {
                /** @description `<node>:<interface>` of the sending end, `#n` added where several share it */
                id: string;
                from: {
                    node: string;
                    interface: string;
                };
                to: {
                    node: string;
                    interface: string;
                };
                /** @description ≥ 1; null = unknown: nothing can be reserved */
                capacityBitsPerSecond: number | null;
                /** @description 0 … 1, default 0.75 */
                reservableShare: number;
                /** @description Link-layer bytes added to every packet: 38 for Ethernet on the wire, 14 for veth; default 0 = unknown */
                overheadBytes: number;
                /** @description ≥ 1, default 1; routing takes the smallest sum */
                cost: number;
                /** @description Propagation, default 0 */
                delayMicros: number;
                /** @description Default the sending interface's */
                mtuBytes: number;
                /** @description RFC 2212 C; null = derived */
                errorCBytes: number | null;
                /** @description RFC 2212 D; null = derived */
                errorDMicros: number | null;
                riskGroups: string[];
                /** @description Free text by key, at most 64 */
                labels: {
                    [key: string]: string;
                };
                /**
                 * @description Default up
                 * @enum {string}
                 */
                adminState: "up" | "draining" | "down";
            }[];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {string} */
                        status: "ok";
                    };
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getReadiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        ready: boolean;
                        /** @enum {string} */
                        database: "ok" | "unreachable";
                        /** @enum {string} */
                        migrations: "ok" | "pending";
                        /** @description Such as a database that acknowledges before it is durable */
                        warnings: string[];
                    };
                };
            };
            /** @description Default Response */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        ready: boolean;
                        /** @enum {string} */
                        database: "ok" | "unreachable";
                        /** @enum {string} */
                        migrations: "ok" | "pending";
                        /** @description Such as a database that acknowledges before it is durable */
                        warnings: string[];
                    };
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Metrics */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getOpenApi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getVersion: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        version: string;
                    };
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getTopology: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The stored network; it can be put back as it is */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Topology"];
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putTopology: {
        parameters: {
            query?: {
                /** @description Judge and answer what would change, store nothing */
                validateOnly?: boolean;
                /** @description Drop links with live bookings too; those reservations end */
                force?: boolean;
            };
            header?: {
                /** @description ETag of the topology that is replaced; required when one is stored */
                "if-match"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TopologyInput"];
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TopologyOutcome"];
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listNodes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Node"][];
                    };
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getNode: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The node's name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Node"];
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listLinks: {
        parameters: {
            query?: {
                /** @description An instant, not with from or to; default now */
                at?: string;
                /** @description Default now */
                from?: string;
                /** @description Default for ever */
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Link"][];
                    };
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getLink: {
        parameters: {
            query?: {
                /** @description An instant, not with from or to; default now */
                at?: string;
                /** @description Default now */
                from?: string;
                /** @description Default for ever */
                to?: string;
            };
            header?: never;
            path: {
                /** @description Such as `r1:eth1`; a `#` is written `%23` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One direction of a cable */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Link"];
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listReservations: {
        parameters: {
            query?: {
                /** @description Default 100 */
                pageSize?: number;
                /** @description `nextPageToken` of the page before */
                pageToken?: string;
                /** @description Any of these; repeat the parameter */
                state?: ("held" | "scheduled" | "establishing" | "active" | "degraded" | "releasing" | "ended")[];
                /** @description Source address */
                source?: string;
                /** @description Destination address */
                destination?: string;
                /** @description On the path */
                node?: string;
                /** @description On the path */
                link?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Reservation"][];
                        /** @description null = this was the last page */
                        nextPageToken: string | null;
                    };
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createReservation: {
        parameters: {
            query?: {
                /** @description Decide and answer the same, book nothing */
                validateOnly?: boolean;
            };
            header?: {
                /** @description Quoted or bare, kept for 24 h: a success is replayed, a refusal is decided afresh */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReservationRequest"];
            };
        };
        responses: {
            /** @description With validateOnly: what would be booked */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Reservation"];
                };
            };
            /** @description Booked, durably */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Reservation"];
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getReservation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description UUIDv7 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A promise as the books hold it */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Reservation"];
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    releaseReservation: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag of the reservation that is released; absent: whatever it is */
                "if-match"?: string;
            };
            path: {
                /** @description UUIDv7 */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Released, durably */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    modifyReservation: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag of the reservation that is changed; required */
                "if-match"?: string;
                /** @description Quoted or bare, kept for 24 h: a success is replayed, a refusal is decided afresh */
                "idempotency-key"?: string;
            };
            path: {
                /** @description UUIDv7 */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/merge-patch+json": components["schemas"]["ReservationPatch"];
                "application/json": components["schemas"]["ReservationPatch"];
            };
        };
        responses: {
            /** @description Admitted, durably */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Reservation"];
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listAgents: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Agent"][];
                    };
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getAgent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The node's name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Agent"];
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getAgentRsvp: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The node's name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    watchAgentRsvp: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The node's name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events `message` (a message without its IP header as base64, and what was around it), `leftOut` (so many were not kept, since somebody was too slow) and `agent` (it went, or came back); comment lines as heartbeat */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    enrolAgent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The node's name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EnrolledAgent"];
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeAgent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The node's name */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description How many were revoked */
                        certificates: number;
                    };
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    watchEvents: {
        parameters: {
            query?: never;
            header?: {
                /** @description Every event after this one first; absent: from now on */
                "last-event-id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description id, event (the type) and data (JSON) of each event; comment lines as heartbeat */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    importTopology: {
        parameters: {
            query: {
                /** @description headroom: our own YAML or JSON; sndlib: native text or XML */
                format: "headroom" | "graphml" | "sndlib";
                /** @description Judge and answer what would change, store nothing */
                validateOnly?: boolean;
                /** @description Drop links with live bookings too; those reservations end */
                force?: boolean;
                /** @description For links whose speed the file does not tell; absent: they stay unknown */
                defaultCapacityBitsPerSecond?: number;
                /** @description IPv4 prefix from which nodes without addresses get one: 10.128.0.0/9 */
                addressPool?: string;
            };
            header?: {
                /** @description ETag of the topology that is replaced; required when one is stored */
                "if-match"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/graphml+xml": string;
                "application/json": string;
                "application/xml": string;
                "application/yaml": string;
                "text/plain": string;
                "text/xml": string;
                "text/yaml": string;
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TopologyOutcome"];
                };
            };
            /** @description Refused */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Cannot be answered now */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
