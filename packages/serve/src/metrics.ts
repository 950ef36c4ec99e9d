import type { Gallery } from '@protomem/gallery';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Figures for Prometheus. */
export function serveMetrics(gallery: Gallery, waiting: () => number) {
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register });
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  gauge('protomem_waiting', 'Photos at work or waiting', waiting);
  gauge('protomem_people', 'People in the gallery', () => gallery.people);
  gauge('protomem_images', 'Images in the gallery', () => gallery.images);
  const labelNames = ['method', 'route', 'status'] as const;
  return {
    requests: new Histogram({
      name: 'protomem_request_seconds',
      help: 'Requests and what they took',
      ...{ labelNames, registers, buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] },
    }),
    faces: new Counter({ name: 'protomem_faces_total', help: 'Faces embedded', registers }),
    batches: new Counter({ name: 'protomem_batches_total', help: 'Batches that went through the encoder', registers }),
    type: register.contentType,
    text: () => register.metrics(),
  };
}
