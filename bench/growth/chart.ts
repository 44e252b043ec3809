/** Lines over counts as SVG, both axes logarithmic: what grows in proportion is straight. */

import { type EChartsOption, init } from "echarts";

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [count: number, value: number])[];
}

/** Several charts above each other with one axis of counts. */
export interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
}

const WIDTH = 720;
const PANEL_HEIGHT = 300;

export function chart(title: string, counts: string, panels: readonly Panel[]): string {
  const height = 60 + panels.length * PANEL_HEIGHT;
  const image = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  image.setOption(optionOf(title, counts, panels));
  const svg = image.renderToSVGString();
  image.dispose();
  return svg;
}

function optionOf(title: string, counts: string, panels: readonly Panel[]): EChartsOption {
  const lines = panels.flatMap(({ lines: all }, panel) => all.map((line) => ({ ...line, panel })));
  return {
    animation: false,
    backgroundColor: "#fff",
    title: { text: title, left: "center", top: 8 },
    legend: { top: 34, data: [...new Set(lines.map(({ name }) => name))] },
    grid: panels.map((_, i) => ({
      left: 80,
      right: 40,
      top: 90 + i * PANEL_HEIGHT,
      height: PANEL_HEIGHT - 90,
    })),
    xAxis: panels.map((_, i) => ({
      type: "log",
      gridIndex: i,
      name: counts,
      nameLocation: "middle",
      nameGap: 26,
    })),
    yAxis: panels.map((panel, i) => ({ type: "log", gridIndex: i, name: panel.title })),
    series: lines.map(({ name, points, panel }) => ({
      name,
      type: "line",
      xAxisIndex: panel,
      yAxisIndex: panel,
      data: points.map(([count, value]) => [count, Math.round(value * 100) / 100]),
    })),
  };
}
