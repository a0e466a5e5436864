/** What of a session a row leaves to nobody else, as the exclusion constraint has it. */
const flows = (row: string): string => {
  const own = `CASE WHEN ${row}.style = 'fixedFilter' AND ${row}.more_senders IS NULL THEN ${row}.flow_hash END`;
  return `int8range(${own}, ${own}, '[]')`;
};

/**
 * Who has the flow, the session or the name of reservations that could not be inserted, and which of them. `$1` = JSON array of
 * `reservationJson`. The ranges are those of the constraint, so that its index finds them.
 */
export const IN_THE_WAY = `SELECT r.id, found.id AS other, found.taken
  FROM json_to_recordset($1::json) AS r(id uuid, name text, style text, more_senders jsonb, session_hash bigint,
         flow_hash bigint, window_start timestamptz, window_end timestamptz)
  LEFT JOIN LATERAL (
    SELECT o.id,
           CASE WHEN o.state NOT IN ('releasing', 'ended') AND o.name = r.name THEN 'name'
                WHEN o.flow_hash = r.flow_hash THEN 'flow'
                ELSE 'session' END AS taken
      FROM reservation o
     WHERE (o.counts_in_books
            AND int8range(o.session_hash, o.session_hash, '[]') && int8range(r.session_hash, r.session_hash, '[]')
            AND ${flows('o')} && ${flows('r')}
            AND tstzrange(o.window_start, o.window_end) && tstzrange(r.window_start, r.window_end))
        OR (o.state NOT IN ('releasing', 'ended') AND o.name = r.name)
        OR o.id = r.id
     ORDER BY o.id LIMIT 1) AS found ON true`;
