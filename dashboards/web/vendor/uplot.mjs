// What ../static/vendor/uplot.js exports: uPlot as it is.
export { default } from "uplot";
