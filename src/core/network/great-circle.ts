export interface Coordinates {
  /** Degrees, −90 … 90. */
  readonly latitude: number;
  /** Degrees, −180 … 180. */
  readonly longitude: number;
}

/** Undefined unless both are numbers in range. */
export const onEarth = (latitude: number | undefined, longitude: number | undefined): Coordinates | undefined =>
  latitude !== undefined && longitude !== undefined && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180
    ? { latitude, longitude }
    : undefined;

const EARTH_RADIUS_KM = 6371;
/** Light in fibre: about 200,000 km/s. */
export const FIBRE_MICROS_PER_KM = 5;

/** Propagation delay over the great circle between two places, in whole microseconds. */
export function greatCircleMicros(a: Coordinates, b: Coordinates): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const halfSine = (degrees: number): number => Math.sin(radians(degrees) / 2) ** 2;
  const h =
    halfSine(b.latitude - a.latitude) +
    Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * halfSine(b.longitude - a.longitude);
  return Math.round(2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h))) * FIBRE_MICROS_PER_KM);
}
