import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme';
import { defineComponent, h, onBeforeUnmount, onMounted, ref } from 'vue';
import './style.css';

const wasm = {
  'tfjs-backend-wasm.wasm': plain,
  'tfjs-backend-wasm-simd.wasm': simd,
  'tfjs-backend-wasm-threaded-simd.wasm': threaded,
};

/** The page that trains: its program, with TensorFlow.js, is fetched only where it stands. */
const TrainInPage = defineComponent(() => {
  const place = ref<HTMLElement>();
  let stop: (() => void) | undefined;
  let left = false;
  onMounted(async () => {
    const { mount } = await import('../../page/mount.ts');
    if (!left) stop = mount(place.value!, wasm);
  });
  onBeforeUnmount(() => {
    left = true;
    stop?.();
  });
  return () => h('div', { ref: place, class: 'train' });
});

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => {
    app.component('TrainInPage', TrainInPage);
  },
} satisfies Theme;
